#pragma once
// SPDX-License-Identifier: MIT

/// Alignment and uniformity on the sphere (arXiv 2005.10242). Columns are scaled to length one first; zero
/// columns stay zero.
///
///     pair alignment   mean_i |x_i - y_i|^2 over paired columns
///     class alignment  mean of |x_i - x_j|^2 over pairs i < j of one class
///                      = 2 - 2 sum_c (|S_c|^2 - n_c) / sum_c n_c (n_c - 1),
///                      S_c the sum of class c: linear in n
///     pair uniformity  log mean_{i<j} exp(-t |x_i - x_j|^2), lower is more even
///     unit spread      feature spread of unit columns times sqrt(d): 1 when directions are even, 0 when all
///                      are one
///
/// All wait for the backend; none is for a step.

#include "ssl/eval/accuracy.hpp"
#include "ssl/eval/lengths.hpp"
#include "ssl/eval/spectrum.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct unit_distance {               // (a_j x - b_j y)^2
  matrix_view<const T, Space> a, b;  // (1, n)
  SSL_FN double operator()(index, index j, T x, T y) const {
    const double difference = static_cast<double>(a.data[j]) * static_cast<double>(x) -
                              static_cast<double>(b.data[j]) * static_cast<double>(y);
    return difference * difference;
  }
};

template <class T, class Space>
struct unit_member {                   // 1 / |x_j| where label_j = c, else 0, as (samples, classes)
  matrix_view<const T, Space> factor;  // (1, m)
  matrix_view<const std::int32_t, Space> labels;  // (1, m)
  SSL_FN T operator()(index j, index c) const { return labels.data[j] == c ? factor.data[j] : T{0}; }
};

template <class T, class Space>
struct gaussian_above_diagonal {     // exp(-t |x_i - y_j|^2) of unit vectors where row < column in the whole
                                     // matrix
  matrix_view<const T, Space> a, b;  // (1, rows), (1, cols): 1 / length
  index first_row, first_column;
  T t;
  SSL_FN double operator()(index i, index j, T product) const {
    using std::exp;
    if (first_row + i >= first_column + j) return 0;
    const T cosine = a.data[i] * b.data[j] * product;
    return static_cast<double>(exp(2 * t * (cosine - 1)));
  }
};

template <class Ctx>
double read_number(Ctx& ctx, accumulator_view<typename Ctx::backend> number) {
  double value = 0;
  ctx.be.download(as_const(number), make_view(&value, 1, 1));
  ctx.be.wait();
  return value;
}

}  // namespace detail

/// mean_i |x_i - y_i|^2 of unit columns; x and y are (d, n).
template <class Ctx>
double pair_alignment(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::const_matrix y) {
  if (x.rows != y.rows || x.cols != y.cols || x.cols < 1)
    detail::demand(
        false, "pair_alignment",
        "x is " + detail::extent(x) + ", y is " + detail::extent(y) + "; they must be equal and not empty");
  scratch_scope scope(ctx);
  const auto a = ctx.take(1, x.cols), b = ctx.take(1, x.cols);
  const auto sum = ctx.take_accumulator(1, 1);
  detail::inverse_lengths(ctx, x, a);
  detail::inverse_lengths(ctx, y, b);
  fill(ctx.be, sum, 0.0);
  map_reduce(ctx.be, sum, fn::plus{}, detail::unit_distance<typename Ctx::scalar, typename Ctx::space>{a, b},
             x, y);
  return detail::read_number(ctx, sum) / static_cast<double>(x.cols);
}

/// Mean squared distance of pairs of one class; x (d, n), labels in [0, classes). Throws option_error if no
/// class has a pair.
template <class Ctx>
double class_alignment(Ctx& ctx, typename Ctx::const_matrix x, std::span<const int> labels, index classes) {
  using T = typename Ctx::scalar;
  detail::require_labels("class_alignment", "labelled", labels, x.cols, classes);
  std::vector<double> members(static_cast<std::size_t>(classes), 0.0);
  for (const int label : labels) members[static_cast<std::size_t>(label)] += 1;
  double pairs = 0;
  for (const double m : members) pairs += m * (m - 1);
  if (!(pairs > 0))
    throw option_error("ssl::class_alignment: no class has two samples, expected at least one that has");

  scratch_scope scope(ctx);
  const index n = x.cols, tile = std::min<index>(n, 4096);
  const std::vector<std::int32_t> names(labels.begin(), labels.end());
  const auto factor = ctx.take(1, n), sums = ctx.take(x.rows, classes), member = ctx.take(tile, classes);
  const auto square = ctx.take_accumulator(1, 1);
  const auto label_of = ctx.scratch.template take<std::int32_t>(1, n);
  ctx.be.upload(make_view<host_space, const std::int32_t>(names.data(), 1, n), label_of);
  ctx.be.wait();
  detail::inverse_lengths(ctx, x, factor);
  fill(ctx.be, sums, T{0});
  for (index first = 0; first < n; first += tile) {
    const index m = std::min(tile, n - first);
    const typename Ctx::matrix part{member.data, m, classes, m};
    map(ctx.be, part,
        detail::unit_member<T, typename Ctx::space>{factor.columns(first, m), label_of.columns(first, m)});
    gemm(ctx.be, trans::no, trans::no, T{1}, x.columns(first, m), part, T{1}, sums);
  }
  fill(ctx.be, square, 0.0);
  map_reduce(ctx.be, square, fn::plus{}, fn::square<T>{}, sums);
  return 2 - 2 * (detail::read_number(ctx, square) - static_cast<double>(n)) / pairs;
}

/// log mean_{i<j} exp(-t |x_i - x_j|^2) of unit columns, a tile of products at a time; x (d, n). Cost d n^2
/// flops.
template <class Ctx>
double pair_uniformity(Ctx& ctx, typename Ctx::const_matrix x, double t = 2, index tile = 1024) {
  using T = typename Ctx::scalar;
  if (x.cols < 2)
    detail::demand(false, "pair_uniformity", "x is " + detail::extent(x) + ", expected at least two columns");
  scratch_scope scope(ctx);
  const index n = x.cols, side = std::min(tile, n);
  const auto factor = ctx.take(1, n), products = ctx.take(side * side, 1);
  const auto sum = ctx.take_accumulator(1, 1);
  detail::inverse_lengths(ctx, x, factor);
  fill(ctx.be, sum, 0.0);
  for (index j = 0; j < n; j += side)
    for (index i = 0; i <= j; i += side) {
      const index rows = std::min(side, n - i), cols = std::min(side, n - j);
      const typename Ctx::matrix block{products.data, rows, cols, rows};
      gemm(ctx.be, trans::yes, trans::no, T{1}, x.columns(i, rows), x.columns(j, cols), T{0}, block);
      map_reduce(ctx.be, sum, fn::plus{},
                 detail::gaussian_above_diagonal<T, typename Ctx::space>{
                     factor.columns(i, rows), factor.columns(j, cols), i, j, static_cast<T>(t)},
                 block);
    }
  return std::log(detail::read_number(ctx, sum) /
                  (0.5 * static_cast<double>(n) * static_cast<double>(n - 1)));
}

/// sqrt(d) times the feature spread of unit columns; x (d, n).
template <class Ctx>
double unit_feature_spread(Ctx& ctx, typename Ctx::const_matrix x) {
  scratch_scope scope(ctx);
  const auto factor = ctx.take(1, x.cols);
  detail::inverse_lengths(ctx, x, factor);
  return std::sqrt(static_cast<double>(x.rows)) * feature_spread(ctx, x, factor);
}

}  // namespace ssl
