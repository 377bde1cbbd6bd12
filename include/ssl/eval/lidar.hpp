#pragma once
// SPDX-License-Identifier: MIT

/// LiDAR (arXiv 2312.04000): the rank of what tells images apart, next to what their views differ in. Views
/// of an image are a class; with mu_i the mean of image i's views and mu the mean of all,
///
///     B = mean_i (mu_i - mu) (mu_i - mu)^T,   W = mean_iv (x_iv - mu_i) (x_iv - mu_i)^T + delta I
///     LiDAR = exp(-sum_k p_k log p_k),   p_k = l_k / sum l + epsilon
///     l the d eigenvalues of W^-1/2 B W^-1/2
///
/// Means divide by n and V n, as the paper's expectations do; p is not normalised again. The paper has 1000
/// images of 50 views, or 5000 of 10, delta 1e-4 and epsilon 1e-8 (as released in stable-pretraining). With n
/// <= d the rank is at most n - 1: compare values of equal n and V only. W = L L^T, and l are the squared
/// singular values of L^-1 (mu_i - mu) / sqrt(n). All in double. Cost V n d^2 + d^3 / 3 + n d^2 flops and d^2
/// + d n doubles, then the smaller spectrum.

#include "ssl/core/finite.hpp"
#include "ssl/eval/centred.hpp"

namespace ssl {

struct lidar_options {
  double delta = 1e-4;    // on the diagonal of W: features count on their own scale
  double epsilon = 1e-8;  // on each p
};

namespace detail {

template <class T, class Space>
struct mean_of_views {            // mean_v x(i, v n + j) in double
  matrix_view<const T, Space> x;  // (d, V n)
  index views, n;
  SSL_FN double operator()(index i, index j) const {
    double sum = 0;
    for (index v = 0; v < views; ++v) sum += static_cast<double>(x(i, v * n + j));
    return sum / static_cast<double>(views);
  }
};

template <class T, class Space>
struct view_deviation {                    // x - mu of its image, for columns from `first` on
  matrix_view<const double, Space> means;  // (d, n)
  index first;
  SSL_FN double operator()(index i, index j, T x) const {
    return static_cast<double>(x) - means(i, (first + j) % means.cols);
  }
};

template <class Space>
struct scaled_deviation {                 // a (x - mean_i)
  matrix_view<const double, Space> mean;  // (d, 1)
  double factor;
  SSL_FN double operator()(index i, index, double x) const { return factor * (x - mean.data[i]); }
};

struct scale_and_lift {  // a x, plus delta on the diagonal
  double factor, delta;
  SSL_FN double operator()(index i, index j, double x) const { return factor * x + (i == j ? delta : 0.0); }
};

}  // namespace detail

/// Of x (d, V n), view v = columns [v n, (v + 1) n); V, n >= 2. Between 1 and min(d, n - 1) up to epsilon, 0
/// where all images are one. Allocates and waits. Throws numeric_error where x is not finite.
template <class Ctx>
double lidar(Ctx& ctx, typename Ctx::const_matrix x, index views, const lidar_options& options = {}) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  if (views < 2 || x.rows < 1 || x.cols % views != 0 || x.cols / views < 2)
    detail::demand(false, "lidar",
                   "x is " + detail::extent(x) + " with " + std::to_string(views) +
                       " views, expected at least two views of at least two images each");
  if (is_nan(options.delta) || options.delta <= 0 || is_nan(options.epsilon) || options.epsilon < 0)
    throw option_error("ssl::lidar: delta is " + std::to_string(options.delta) + " and epsilon " +
                       std::to_string(options.epsilon) + "; expected delta > 0 and epsilon >= 0");
  auto& be = ctx.be;
  scratch_scope scope(ctx);
  const index d = x.rows, n = x.cols / views, k = std::min(d, n), tile = std::min<index>(x.cols, 2048);
  const auto means = ctx.take_accumulator(d, n), mean = ctx.take_accumulator(d, 1),
             within = ctx.take_accumulator(d, d), part = ctx.take_accumulator(d, tile),
             gram = ctx.take_accumulator(k, k), values = ctx.take_accumulator(k, 1),
             info = ctx.take_accumulator(1, 2);
  map(be, means, detail::mean_of_views<T, S>{x, views, n});
  fill(be, within, 0.0);
  for (index first = 0; first < x.cols; first += tile) {
    const auto now = part.columns(0, std::min(tile, x.cols - first));
    map(be, now, detail::view_deviation<T, S>{means, first}, x.columns(first, now.cols));
    syrk(be, trans::no, 1.0, now, 1.0, within);
  }
  map(be, within, detail::scale_and_lift{1.0 / static_cast<double>(x.cols), options.delta}, within);
  fill(be, mean, 0.0);
  map_reduce(be, mean, fn::plus{}, fn::identity<double>{}, means);
  map(be, mean, fn::scale<double>{1.0 / static_cast<double>(n)}, mean);
  map(be, means, detail::scaled_deviation<S>{mean, 1 / std::sqrt(static_cast<double>(n))}, means);
  cholesky(be, within, info.columns(0, 1));
  triangular_solve(be, trans::no, within, means);
  syrk(be, d <= n ? trans::no : trans::yes, 1.0, means, 0.0, gram);
  eigh(be, gram, values, info.columns(1, 1));

  std::vector<double> host(static_cast<std::size_t>(k));
  double failed[2] = {1, 1};
  be.download(as_const(values), make_view(host.data(), k, 1));
  be.download(as_const(info), make_view(failed, 1, 2));
  be.wait();
  double largest = 0;
  for (double& v : host) {
    if (!is_finite(v)) failed[1] = 1;
    v = std::max(v, 0.0);
    largest = std::max(largest, v);
  }
  if (failed[0] != 0 || failed[1] != 0)
    throw numeric_error("ssl::lidar: the eigenvalues were not found; the features hold NaNs or infinities");
  host.resize(static_cast<std::size_t>(d), 0.0);  // the others of W^-1/2 B W^-1/2
  return largest > 0 ? effective_rank(host, options.epsilon) : 0.0;
}

}  // namespace ssl
