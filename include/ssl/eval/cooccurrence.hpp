#pragma once
// SPDX-License-Identifier: MIT

/// The closed-form optimum of losses that factor the co-occurrence of patches (arXiv 2206.08954).
///
///     L_S(z) = -E_{p(i,j)}[z_i . z_j] + w/2 E_{p(i)p(j)}[(z_i . z_j)^2]     ssl::co_occurrence(w)
///     L_C(z) = E_{p(i)p(j)}[(w z_i . z_j - ratio(i, j))^2] = 2 w L_S(z) + E_{p(i)p(j)}[ratio^2]
///
/// With A = D^-1/2 p D^-1/2, D = diag(p(i)), its eigenpairs (s_k, u_k), largest first, and the functions
/// f_k(i) = u_k[i] / sqrt(p(i)), which are orthonormal under p:
///
///     ratio(i, j) = sum_k s_k f_k(i) f_k(j)
///     argmin      : z_i = (sqrt(s_k / w) f_k(i)), k = 1 ... d, over the positive s_k, up to a rotation
///     min L_C     = sum of s_k^2 over what is left out
///
/// w z_i . z_j is then the best approximation of the ratio by a positive semi-definite table of rank d,
/// errors weighted by p(i) p(j) (Eckart-Young). s_1 = 1 with f_1 = 1: embeddings that are not centred spend a
/// dimension on a constant; `centring::yes` factors ratio - 1 instead, for embeddings with mean 0 under p.
///
/// Tables are on the host, column-major, in double; the eigenproblem is solved by the backend.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/data/co_occurrence.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

enum class centring { no, yes };

/// Eigenvalues and functions of a law's ratio, and the embeddings made of them.
class co_occurrence_spectrum {
 public:
  /// What `decompose` found: s (K), largest first, and f (K, K), a column a function.
  co_occurrence_spectrum(std::vector<double> values, std::vector<double> functions)
      : s_(std::move(values)), f_(std::move(functions)) {}

  index types() const { return static_cast<index>(s_.size()); }
  std::span<const double> values() const { return s_; }
  double function(index k, index i) const { return f_[static_cast<std::size_t>(k * types() + i)]; }

  /// E_{p(i)p(j)}[ratio^2] (of ratio - 1 if centred): L_C of embeddings that are all 0.
  double square() const { return std::inner_product(s_.begin(), s_.end(), s_.begin(), 0.0); }

  /// min L_C over embeddings of this width: the eigenvalues left out, and negative ones, squared.
  double tail(index width) const {
    double sum = 0;
    for (index k = 0; k < types(); ++k)
      if (k >= width || s(k) < 0) sum += s(k) * s(k);
    return sum;
  }

  /// min L_S over embeddings of this width: (tail - square) / (2 w).
  double minimum(index width, double w = 1) const { return (tail(width) - square()) / (2 * w); }

  /// z (width, K), a column a type: component k is sqrt(gain(s_k)) f_k. A gain below 0 counts as 0, and so do
  /// components beyond K.
  std::vector<double> embeddings(index width, const std::function<double(double)>& gain) const {
    std::vector<double> z(static_cast<std::size_t>(width * types()));
    for (index k = 0; k < std::min(width, types()); ++k) {
      const double length = std::sqrt(std::max(gain(s(k)), 0.0));
      for (index i = 0; i < types(); ++i)
        z[static_cast<std::size_t>(i * width + k)] = length * function(k, i);
    }
    return z;
  }

  /// The minimiser of L_C and L_S: the gain s / w.
  std::vector<double> embeddings(index width, double w = 1) const {
    return embeddings(width, [w](double s) { return s / w; });
  }

 private:
  double s(index k) const { return s_[static_cast<std::size_t>(k)]; }

  std::vector<double> s_;  // (K)
  std::vector<double> f_;  // (K, K)
};

/// The spectrum of a law's ratio, or of ratio - 1 where centred. Functions are 0 on types that never occur.
/// 9 K^3 flops or so in double. Allocates and waits. numeric_error where the eigenvalues are not found.
template <class Ctx>
co_occurrence_spectrum decompose(Ctx& ctx, const joint_law& law, centring centre = centring::no) {
  const index n = law.types();
  const auto at = [n](index i, index j) { return static_cast<std::size_t>(j * n + i); };
  const double mean = centre == centring::yes ? 1.0 : 0.0;
  std::vector<double> a(static_cast<std::size_t>(n * n)), ascending(static_cast<std::size_t>(n));
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < n; ++i)
      a[at(i, j)] = (law.ratio(i, j) - mean) * std::sqrt(law.marginal(i) * law.marginal(j));

  scratch_scope scope(ctx);
  const auto there = ctx.take_accumulator(n, n), w = ctx.take_accumulator(n, 1);
  const auto info = ctx.take_accumulator(1, 1);
  double failed = 1;
  ctx.be.upload(make_view(std::as_const(a).data(), n, n), there);
  eigh(ctx.be, there, w, info);
  ctx.be.download(as_const(there), make_view(a.data(), n, n));
  ctx.be.download(as_const(w), make_view(ascending.data(), n, 1));
  ctx.be.download(as_const(info), make_view(&failed, 1, 1));
  ctx.be.wait();
  if (failed != 0)
    throw numeric_error("ssl::decompose: the eigenvalues of a law of " + std::to_string(n) +
                        " types were not found");
  std::vector<double> functions(a.size());
  for (index k = 0; k < n; ++k)
    for (index i = 0; i < n; ++i)
      functions[at(i, k)] = law.marginal(i) > 0 ? a[at(i, n - 1 - k)] / std::sqrt(law.marginal(i)) : 0.0;
  std::reverse(ascending.begin(), ascending.end());
  return {std::move(ascending), std::move(functions)};
}

/// z_i . z_j (K, K) of embeddings z (d, K). O(d K^2).
inline std::vector<double> inner_products(std::span<const double> z, index types) {
  const index d = static_cast<index>(z.size()) / std::max<index>(types, 1);
  if (types < 1 || d * types != static_cast<index>(z.size()))
    throw shape_error("ssl::inner_products: there are " + std::to_string(z.size()) + " numbers for " +
                      std::to_string(types) + " types, expected a multiple of at least 1 type");
  std::vector<double> out(static_cast<std::size_t>(types * types));
  for (index j = 0; j < types; ++j)
    for (index i = 0; i <= j; ++i) {
      const auto a = z.begin() + i * d, b = z.begin() + j * d;
      out[static_cast<std::size_t>(i * types + j)] = out[static_cast<std::size_t>(j * types + i)] =
          std::inner_product(a, a + d, b, 0.0);
    }
  return out;
}

/// z (d, K) minus its mean under the law.
inline std::vector<double> minus_mean(const joint_law& law, std::vector<double> z) {
  const index n = law.types(), d = static_cast<index>(z.size()) / n;
  for (index k = 0; k < d; ++k) {
    double mean = 0;
    for (index i = 0; i < n; ++i) mean += law.marginal(i) * z[static_cast<std::size_t>(i * d + k)];
    for (index i = 0; i < n; ++i) z[static_cast<std::size_t>(i * d + k)] -= mean;
  }
  return z;
}

/// L_S of embeddings z (d, K) of the types, exactly. O(d K^2).
inline double spectral_loss(const joint_law& law, std::span<const double> z, double w = 1) {
  const auto product = inner_products(z, law.types());
  double value = 0;
  for (index j = 0; j < law.types(); ++j)
    for (index i = 0; i < law.types(); ++i) {
      const double s = product[static_cast<std::size_t>(j * law.types() + i)];
      value += -law(i, j) * s + 0.5 * w * law.marginal(i) * law.marginal(j) * s * s;
    }
  return value;
}

/// dL_S/dz (d, K): -2 z p + 2 w (sum_j p(j) z_j z_j^T) z diag(p). O(d K^2).
inline std::vector<double> spectral_gradient(const joint_law& law, std::span<const double> z, double w = 1) {
  const index n = law.types(), d = static_cast<index>(z.size()) / n;
  const auto product = inner_products(z, n);
  std::vector<double> gradient(z.size());
  for (index i = 0; i < n; ++i)
    for (index j = 0; j < n; ++j) {
      const double s = product[static_cast<std::size_t>(j * n + i)];
      const double slope = -2 * law(i, j) + 2 * w * law.marginal(i) * law.marginal(j) * s;
      for (index k = 0; k < d; ++k)
        gradient[static_cast<std::size_t>(i * d + k)] += slope * z[static_cast<std::size_t>(j * d + k)];
    }
  return gradient;
}

/// L_C of embeddings z (d, K) of the types, exactly. O(d K^2).
inline double factorisation_error(const joint_law& law, std::span<const double> z, double w = 1) {
  const auto product = inner_products(z, law.types());
  double value = 0;
  for (index j = 0; j < law.types(); ++j)
    for (index i = 0; i < law.types(); ++i) {
      const double gap = w * product[static_cast<std::size_t>(j * law.types() + i)] - law.ratio(i, j);
      value += law.marginal(i) * law.marginal(j) * gap * gap;
    }
  return value;
}

}  // namespace ssl
