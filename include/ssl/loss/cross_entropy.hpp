#pragma once
// SPDX-License-Identifier: MIT

/// Cross entropy of the views' soft-max against codes that other views were given. For scores z (K, V n),
/// codes c (K, A n) of the assigning views a < A, columns that sum to one, and a temperature,
///
///     s_vj     = z_vj / temperature
///     value    = 1/(A (V - 1)) sum_a sum_{v != a} mean_j (logsumexp(s_vj) - c_aj . s_vj)
///     gradient = 1/(A (V - 1) n temperature) (m_v softmax(s_vj) - sum_{a != v} c_aj)  for z_vj
///
/// m_v is the number of assigning views other than v; the codes get no gradient. The sum of the codes
/// makes it linear in V. No exponent is above 0. Cost: one pass over z and dz, and K V n exponentials twice.
/// Nothing for one view.

#include <cmath>

#include "ssl/core/exp.hpp"
#include "ssl/loss/loss.hpp"

namespace ssl {

namespace detail {

/// The views that assign codes: the first `asked`, all of them for 0.
constexpr index assigning_views(index asked, index views) {
  return asked <= 0 || asked > views ? views : asked;
}

/// out(i, j) = the codes of sample j of all assigning views added up.
template <class B>
struct add_codes {
  cview<B> codes;  // (K, A n)
  index n;
  SSL_FN typename B::scalar operator()(index i, index j) const {
    double total = 0;
    for (index k = j; k < codes.cols; k += n) total += static_cast<double>(codes(i, k));
    return static_cast<typename B::scalar>(total);
  }
};

/// Column k = v n + j of z against the codes of sample j without view v's own.
template <class B>
struct code_entropy {
  cview<B> z, codes, all;    // (K, V n), (K, A n), (K, n) the sum of the codes
  view<B> dz;                // (K, V n)
  accumulator_view<B> each;  // (1, V n)
  index n;
  double sharpness, slope;

  template <class Team>
  SSL_FN void operator()(const Team& team, index k) const {
    using T = typename B::scalar;
    const index j = k % n, rows = z.rows;
    const bool assigns = k < codes.cols;
    const index assigning = codes.cols / n;
    const T *const x = z.column(k), *const sum = all.column(j), *const own = assigns ? codes.column(k) : sum;
    T* const dx = dz.column(k);
    const T keep = assigns ? T{1} : T{0}, scale = static_cast<T>(sharpness);
    const double count = static_cast<double>(assigns ? assigning - 1 : assigning);
    const T top = team.reduce(rows, fn::least<T>, fn::maximum{}, [=](index i) { return x[i]; });
    const double mass = team.reduce(rows, 0.0, fn::plus{}, [=](index i) {
      return static_cast<double>(branchless_exp((x[i] - top) * scale));
    });
    // Against the top, so that large scores cost no digits.
    const double hit = team.reduce(rows, 0.0, fn::plus{}, [=](index i) {
      return static_cast<double>(sum[i] - keep * own[i]) * static_cast<double>(x[i] - top);
    });
    const T share = static_cast<T>(slope * sharpness * count / mass),
            pull = static_cast<T>(slope * sharpness);
    team.for_each(rows, [=](index i) {
      dx[i] += share * branchless_exp((x[i] - top) * scale) - pull * (sum[i] - keep * own[i]);
    });
    const double found = count * std::log(mass) - sharpness * hit;
    const auto out = each;
    team.for_each(1, [=](index) { out.data[k] = found; });
  }
};

/// value += the cross entropy, dz += weight times its gradient.
template <class Ctx, class B = typename Ctx::backend>
void add_code_entropy(Ctx& ctx, double weight, double temperature, view_batch<B> z, cview<B> codes,
                      accumulator_view<B> value, view<B> dz) {
  if (z.views < 2) return;
  scratch_scope scope(ctx);
  const index n = z.samples(), assigning = codes.cols / n;
  const auto each = ctx.take_accumulator(1, z.z.cols);
  const double factor = 1.0 / static_cast<double>(assigning * (z.views - 1) * n);
  cview<B> all = codes;  // (K, n)
  if (assigning > 1) {
    const auto sum = ctx.take(z.features(), n);
    map(ctx.be, sum, add_codes<B>{codes, n});
    all = sum;
  }
  for_each_column(ctx.be, z.z.cols,
                  code_entropy<B>{z.z, codes, all, dz, each, n, 1.0 / temperature, weight * factor});
  map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{factor}, each);
}

}  // namespace detail

}  // namespace ssl
