#pragma once
// SPDX-License-Identifier: MIT

/// k-means of frozen features: Lloyd's iterations from k-means++ seeds (Arthur and Vassilvitskii 2007), the
/// best of several restarts by inertia,
///
///     inertia = sum_j min_c |y_j - m_c|^2,   y_j = x_j, or x_j / |x_j| with `unit`
///
/// Seeds are drawn one at a time with probability in proportion to the squared distance from those before (no
/// trials as in scikit-learn, whose single starts are therefore better). A cluster that loses all its members
/// takes the sample that is farthest from its centre; with fewer different samples than clusters, some stay
/// empty. Ties go to the cluster of the lower number. A pure function of the features, the seed and the
/// shape.
///
/// Centres come from the members by a product, distances for the choice from a product of features less their
/// mean, inertia from differences in double. Memory: the features once more, a tile (k, 4096). Cost: k d n
/// flops for seeds and 4 k d n an iteration.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/eval/centred.hpp"
#include "ssl/eval/lengths.hpp"

namespace ssl {

struct k_means_options {
  index clusters = 10;
  bool unit = false;  // columns to length one first; centres are not
  index restarts = 10;
  index iterations = 300;   // at most; it ends when no sample changes its cluster
  double tolerance = 1e-6;  // or when inertia falls by a smaller share than this
  std::uint64_t seed = 0;
};

struct k_means_result {
  std::vector<int> assignment;  // (n)
  std::vector<double> centres;  // (d, clusters), column by column; of unit columns with `unit`
  double inertia = 0;
  index iterations = 0, restart = 0;  // of the best
};

namespace detail {

/// nearest_j = min(nearest_j, |y_j - y_seed|^2)
template <class T, class Space>
struct approach_seed {
  matrix_view<const T, Space> y;       // (d, n)
  matrix_view<double, Space> nearest;  // (1, n)
  index seed;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const T *const a = y.column(j), *const b = y.column(seed);
    const double square = team.reduce(y.rows, 0.0, fn::plus{}, [=](index i) {
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      return difference * difference;
    });
    double* const out = nearest.data + j;
    team.for_each(1, [=](index) { *out = square < *out ? square : *out; });
  }
};

/// who_j = argmax_c s_cj - |m_c|^2 / 2, the nearest centre, and its squared distance.
template <class T, class Space>
struct choose_centre {
  matrix_view<T, Space> s;                        // (k, m): m_c . y_j; destroyed
  matrix_view<const T, Space> y;                  // (d, m)
  matrix_view<const T, Space> centres;            // (d, k)
  matrix_view<const double, Space> half_squares;  // (1, k): |m_c|^2 / 2
  matrix_view<std::int32_t, Space> who;           // (1, m)
  matrix_view<double, Space> distance;            // (1, m)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    T* const score = s.column(j);
    const double* const half = half_squares.data;
    const index k = s.rows;
    team.for_each(k, [=](index c) { score[c] = static_cast<T>(static_cast<double>(score[c]) - half[c]); });
    const T top = team.reduce(k, fn::least<T>, fn::maximum{}, [=](index c) { return score[c]; });
    const index from_end =
        team.reduce(k, index{1}, fn::maximum{}, [=](index c) { return score[c] == top ? k - c : index{1}; });
    const index best = k - from_end;
    const T *const a = y.column(j), *const b = centres.column(best);
    const double square = team.reduce(y.rows, 0.0, fn::plus{}, [=](index i) {
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      return difference * difference;
    });
    std::int32_t* const name = who.data + j;
    double* const out = distance.data + j;
    team.for_each(1, [=](index) {
      *name = static_cast<std::int32_t>(best);
      *out = square;
    });
  }
};

template <class T, class Space>
struct cluster_member {                        // [who_j = c], as (samples, clusters)
  matrix_view<const std::int32_t, Space> who;  // (1, m)
  SSL_FN T operator()(index j, index c) const { return who.data[j] == c ? T{1} : T{0}; }
};

template <class T, class Space>
struct mean_of_members {                     // sum / count_c, or the old centre of an empty cluster
  matrix_view<const double, Space> inverse;  // (1, k): 1 / count, 0 for none
  SSL_FN T operator()(index, index c, T sum, T old) const {
    return inverse.data[c] > 0 ? static_cast<T>(static_cast<double>(sum) * inverse.data[c]) : old;
  }
};

/// One problem's memory, and the steps that restarts share.
template <class Ctx>
class lloyd {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  static constexpr index tile = 4096;

 public:
  lloyd(Ctx& ctx, typename Ctx::const_matrix x, const k_means_options& o)
      : ctx_(&ctx), k_(o.clusters), n_(x.cols), y_(ctx.take(x.rows, x.cols)) {
    const index wide = std::min(tile, n_);
    mean_ = ctx.take_accumulator(x.rows, 1);
    centres_ = ctx.take(x.rows, k_);
    sums_ = ctx.take(x.rows, k_);
    work_ = ctx.take(k_ * wide, 1);
    half_ = ctx.take_accumulator(1, k_);
    inverse_ = ctx.take_accumulator(1, k_);
    distance_ = ctx.take_accumulator(1, n_);
    who_ = ctx.scratch.template take<std::int32_t>(1, n_);
    names_.resize(static_cast<std::size_t>(n_));
    far_.resize(names_.size());
    scratch_scope scope(ctx);
    typename Ctx::matrix factor{};
    if (o.unit) {
      factor = ctx.take(1, n_);
      inverse_lengths(ctx, x, factor);
    }
    centre_columns(ctx, x, factor, mean_, y_);
    ctx.be.wait();
  }

  /// Draws the seeds and makes them the centres.
  void start(const k_means_options& o, index restart) {
    auto& be = ctx_->be;
    random_stream draw({o.seed, 0}, restart, 0, purpose::probe, 3);
    fill(be, distance_, fn::greatest<double>);
    index seed = draw.below(n_);
    for (index c = 0; c < k_; ++c) {
      if (c > 0) seed = choose(draw);
      copy(be, y_.columns(seed, 1), centres_.columns(c, 1));
      for_each_column(be, n_, approach_seed<T, S>{y_, distance_, seed});
    }
  }

  /// The nearest centre of every sample, to the host; returns the inertia.
  double assign() {
    auto& be = ctx_->be;
    fill(be, half_, 0.0);
    map_reduce(be, half_, fn::plus{}, fn::square<T>{}, centres_);
    map(be, half_, fn::scale<double>{0.5}, half_);
    for (index j = 0; j < n_; j += tile) {
      const index m = std::min(tile, n_ - j);
      const typename Ctx::matrix scores{work_.data, k_, m, k_};
      gemm(be, trans::yes, trans::no, T{1}, centres_, y_.columns(j, m), T{0}, scores);
      for_each_column(be, m,
                      choose_centre<T, S>{scores, y_.columns(j, m), centres_, half_, who_.columns(j, m),
                                          distance_.columns(j, m)});
    }
    be.download(as_const(who_), make_view(names_.data(), 1, n_));
    read_distances();
    double inertia = 0;
    for (const double f : far_) inertia += f;
    if (!is_finite(inertia))
      throw numeric_error(
          "ssl::k_means: a distance is not finite; the features hold NaNs, infinities or too large "
          "numbers");
    return inertia;
  }

  /// Gives empty clusters a member each, then moves the centres to the means of their members.
  void move() {
    auto& be = ctx_->be;
    std::vector<index> count(static_cast<std::size_t>(k_), 0);
    for (const auto name : names_) ++count[static_cast<std::size_t>(name)];
    for (std::size_t c = 0; c < count.size(); ++c)
      if (count[c] == 0) fill_cluster(c, count);
    std::vector<double> inverse(count.size());
    for (std::size_t c = 0; c < count.size(); ++c)
      inverse[c] = count[c] > 0 ? 1 / static_cast<double>(count[c]) : 0.0;
    be.upload(make_view<host_space, const std::int32_t>(names_.data(), 1, n_), who_);
    be.upload(make_view<host_space, const double>(inverse.data(), 1, k_), inverse_);
    for (index j = 0; j < n_; j += tile) {
      const index m = std::min(tile, n_ - j);
      const typename Ctx::matrix member{work_.data, m, k_, m};
      map(be, member, cluster_member<T, S>{who_.columns(j, m)});
      gemm(be, trans::no, trans::no, T{1}, y_.columns(j, m), member, j == 0 ? T{0} : T{1}, sums_);
    }
    map(be, centres_, mean_of_members<T, S>{inverse_}, sums_, centres_);
    be.wait();
  }

  const std::vector<std::int32_t>& names() const { return names_; }
  /// Clusters and squared distances as if `assign` had found them.
  void place(std::span<const int> names, std::span<const double> distances) {
    names_.assign(names.begin(), names.end());
    far_.assign(distances.begin(), distances.end());
  }

  /// The centres where the features were.
  std::vector<double> read_centres() {
    std::vector<T> host(static_cast<std::size_t>(centres_.size()));
    std::vector<double> mean(static_cast<std::size_t>(centres_.rows)), out(host.size());
    ctx_->be.download(as_const(centres_), make_view(host.data(), centres_.rows, k_));
    ctx_->be.download(as_const(mean_), make_view(mean.data(), centres_.rows, 1));
    ctx_->be.wait();
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<double>(host[i]) + mean[i % mean.size()];
    return out;
  }

 private:
  /// The farthest sample that is not alone in its cluster becomes the member of cluster c; none if all are at
  /// their centres.
  void fill_cluster(std::size_t c, std::vector<index>& count) {
    for (;;) {
      const auto farthest =
          static_cast<std::size_t>(std::max_element(far_.begin(), far_.end()) - far_.begin());
      if (!(far_[farthest] > 0)) return;
      far_[farthest] = 0;
      index& others = count[static_cast<std::size_t>(names_[farthest])];
      if (others == 1) continue;  // its centre comes to it
      --others;
      names_[farthest] = static_cast<std::int32_t>(c);
      count[c] = 1;
      return;
    }
  }

  void read_distances() {
    ctx_->be.download(as_const(distance_), make_view(far_.data(), 1, n_));
    ctx_->be.wait();
  }

  /// A sample in proportion to its squared distance from the seeds so far; any where all are seeds.
  index choose(random_stream& draw) {
    read_distances();
    double sum = 0;
    for (const double f : far_) sum += f;
    const double high = draw.bits(), low = draw.bits();
    const double share = (high + low * 0x1p-32) * 0x1p-32;
    if (!(sum > 0)) return std::min(static_cast<index>(share * static_cast<double>(n_)), n_ - 1);
    double left = share * sum;
    index last = 0;
    for (index j = 0; j < n_; ++j) {
      const double f = far_[static_cast<std::size_t>(j)];
      if (!(f > 0)) continue;
      last = j;
      left -= f;
      if (left < 0) break;
    }
    return last;
  }

  Ctx* ctx_;
  index k_, n_;
  typename Ctx::matrix y_, centres_{}, sums_{}, work_{};
  matrix_view<double, S> mean_{}, half_{}, inverse_{}, distance_{};
  matrix_view<std::int32_t, S> who_{};
  std::vector<std::int32_t> names_;
  std::vector<double> far_;
};

}  // namespace detail

/// Clusters the columns of x (d, n); allocates and waits. Throws numeric_error where x is not finite.
template <class Ctx>
k_means_result k_means(Ctx& ctx, typename Ctx::const_matrix x, const k_means_options& options = {}) {
  if (x.rows < 1 || options.clusters < 1 || options.clusters > x.cols)
    detail::demand(false, "k_means",
                   "x is " + detail::extent(x) + " and clusters is " + std::to_string(options.clusters) +
                       "; expected at least one cluster and no more than columns");
  if (options.restarts < 1 || options.iterations < 1 || options.tolerance < 0 || is_nan(options.tolerance))
    throw option_error("ssl::k_means: restarts is " + std::to_string(options.restarts) + ", iterations " +
                       std::to_string(options.iterations) + " and tolerance " +
                       std::to_string(options.tolerance) + "; expected at least 1, 1 and 0");
  scratch_scope scope(ctx);
  detail::lloyd<Ctx> problem(ctx, x, options);
  k_means_result best;
  best.inertia = std::numeric_limits<double>::max();
  for (index restart = 0; restart < options.restarts; ++restart) {
    problem.start(options, restart);
    double inertia = problem.assign();
    index turn = 0;
    while (turn < options.iterations) {
      const auto before = problem.names();
      problem.move();
      const double now = problem.assign();
      ++turn;
      const bool still = problem.names() == before || !(inertia - now > options.tolerance * inertia);
      inertia = now;
      if (still) break;
    }
    if (inertia < best.inertia)
      best = {
          {problem.names().begin(), problem.names().end()}, problem.read_centres(), inertia, turn, restart};
  }
  return best;
}

}  // namespace ssl
