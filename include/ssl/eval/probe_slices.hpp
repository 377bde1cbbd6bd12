#pragma once
// SPDX-License-Identifier: MIT

/// One step of soft-max regression with few classes on a CPU: the batch in slices of 64 samples, each of
/// which gathers its columns, scores them and adds up its gradient while they are in the cache. Sums are cut
/// by shape alone: the same bits on every number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "ssl/core/exp.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/eval/linear_probe.hpp"

namespace ssl::detail {

/// Sixteen numbers side by side.
#if defined(__GNUC__) && !defined(__CUDACC__)
template <class T>
struct probe_lanes_of {
  typedef T type __attribute__((vector_size(16 * sizeof(T))));
};
template <class T>
using probe_lanes = typename probe_lanes_of<T>::type;
#else
template <class T>
struct probe_lanes {
  T v[16] = {};
  T operator[](index i) const { return v[i]; }
  probe_lanes& operator+=(const probe_lanes& o) {
    for (index i = 0; i < 16; ++i) v[i] += o.v[i];
    return *this;
  }
  friend probe_lanes operator*(const probe_lanes& a, const probe_lanes& b) {
    probe_lanes out;
    for (index i = 0; i < 16; ++i) out.v[i] = a.v[i] * b.v[i];
    return out;
  }
  friend probe_lanes operator*(T a, const probe_lanes& b) {
    probe_lanes out;
    for (index i = 0; i < 16; ++i) out.v[i] = a * b.v[i];
    return out;
  }
};
#endif

/// Not by value: how a function returns a vector that is wider than the processor's depends on the compiler's
/// options, and g++ warns of it.
template <class T>
void load_lanes(const T* from, probe_lanes<T>& to) {
  std::memcpy(&to, from, sizeof(to));
}

template <class T>
T sum_of_lanes(const probe_lanes<T>& x) {
  T half[8];
  for (index i = 0; i < 8; ++i) half[i] = x[i] + x[i + 8];
  return ((half[0] + half[4]) + (half[2] + half[6])) + ((half[1] + half[5]) + (half[3] + half[7]));
}

/// Where the numbers of a small soft-max regression lie: weights (deep, wide) a class a column, then biases
/// (wide); features filled up with zeros to sixteen, classes to two.
struct probe_shape {
  static constexpr index slice = 64, block = 8;
  index d, classes;

  index deep() const { return (d + 15) / 16 * 16; }
  index wide() const { return (classes + 1) / 2 * 2; }
  index size() const { return deep() * wide() + (wide() + 15) / 16 * 16; }
  index scores() const { return (classes + 15) / 16 * 16; }
  index work() const { return block * (deep() + scores()); }
  /// Whether weights and their gradient stay in a second-level cache: else products do better.
  bool fits_slices() const { return size() <= index{1} << 16; }
};

/// Slice s of a batch: partial (size, slices) = its share of the gradient of the mean loss, loss (1, slices)
/// += its share of the epoch's.
template <class T>
struct probe_slice {
  static constexpr index block = probe_shape::block;
  probe_shape shape;
  matrix_view<const T, host_space> x;                  // (d, all)
  matrix_view<const std::int32_t, host_space> labels;  // (1, all)
  matrix_view<const std::int32_t, host_space> order;   // (1, all)
  feature_scale<host_space> scale;
  bool scaled;     // else scale changes nothing
  index begin, m;  // the batch: order [begin, begin + m)
  const T* params;
  matrix_view<T, host_space> partial, work;  // (size, slices), (work, slices)
  matrix_view<double, host_space> loss;      // (1, slices)

  template <class Team>
  void operator()(const Team&, index s) const {
    const index first = s * probe_shape::slice, count = std::min(probe_shape::slice, m - first);
    T* const gradient = partial.column(s);
    std::fill_n(gradient, shape.size(), T{0});
    double sum = 0;
    for (index b = 0; b < count; b += block)
      sum += add_block(s, first + b, std::min(block, count - b), gradient);
    loss(0, s) += sum / static_cast<double>(labels.cols);
  }

 private:
  const T* column_of(index j) const { return x.column(order.data[begin + j]); }

  /// row[r] = sample j + r, zeros from `count` on: where it lies if that will do, else in `to` (block deep).
  void gather(index j, index count, T* to, const T** row) const {
    const index d = shape.d, deep = shape.deep();
    for (index r = 0; r < block; ++r, to += deep) {
      row[r] = to;
      if (r >= count) {
        std::fill_n(to, deep, T{0});
        continue;
      }
      const T* const from = column_of(j + r);
      if (!scaled && d == deep) {
        row[r] = from;
        continue;
      }
      if (scaled)
        for (index i = 0; i < d; ++i)
          to[i] = static_cast<T>((static_cast<double>(from[i]) - scale.mean.data[i]) * scale.factor.data[i]);
      else
        std::copy_n(from, d, to);
      std::fill(to + d, to + deep, T{0});
    }
  }

  /// Scores of two classes for a block of samples.
  void score(const T* const* row, index c, T* scores) const {
    const index deep = shape.deep(), stride = shape.scores();
    const T *const w0 = params + c * deep, *const w1 = w0 + deep;
    probe_lanes<T> sum[2][block] = {};
    for (index i = 0; i < deep; i += 16) {
      probe_lanes<T> a, b;
      load_lanes(w0 + i, a);
      load_lanes(w1 + i, b);
      const auto one = [&](index r) {
        probe_lanes<T> y;
        load_lanes(row[r] + i, y);
        sum[0][r] += a * y;
        sum[1][r] += b * y;
      };
      one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7);
    }
    const T* const bias = params + deep * shape.wide() + c;
    for (index r = 0; r < block; ++r) {
      scores[r * stride + c] = sum_of_lanes<T>(sum[0][r]) + bias[0];
      if (c + 1 < shape.classes) scores[r * stride + c + 1] = sum_of_lanes<T>(sum[1][r]) + bias[1];
    }
  }

  /// Scores of one sample become (softmax - [label]) / m; returns its cross entropy.
  double entropy(T* s, index label) const {
    const index classes = shape.classes;
    T top = s[0];
    for (index c = 1; c < classes; ++c) top = s[c] > top ? s[c] : top;
    const double mine = static_cast<double>(s[label]) - static_cast<double>(top);
    for (index c = 0; c < shape.scores(); ++c) s[c] = branchless_exp(s[c] - top);
    double sum = 0;
    for (index c = 0; c < classes; ++c) sum += static_cast<double>(s[c]);
    const T factor = static_cast<T>(1 / (sum * static_cast<double>(m)));
    for (index c = 0; c < classes; ++c) s[c] *= factor;
    s[label] -= static_cast<T>(1 / static_cast<double>(m));
    return std::log(sum) - mine;
  }

  /// gradient += of two classes over a block.
  void descend(const T* const* row, index c, const T* scores, T* gradient) const {
    const index deep = shape.deep(), stride = shape.scores();
    const bool second = c + 1 < shape.classes;
    T *const g0 = gradient + c * deep, *const g1 = g0 + deep;
    T f0[block], f1[block];
    for (index r = 0; r < block; ++r) {
      f0[r] = scores[r * stride + c];
      f1[r] = second ? scores[r * stride + c + 1] : T{0};
    }
    for (index i = 0; i < deep; i += 16) {
      probe_lanes<T> a, b;
      load_lanes(g0 + i, a);
      load_lanes(g1 + i, b);
      const auto one = [&](index r) {
        probe_lanes<T> y;
        load_lanes(row[r] + i, y);
        a += f0[r] * y;
        b += f1[r] * y;
      };
      one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7);
      std::memcpy(g0 + i, &a, sizeof(a));
      std::memcpy(g1 + i, &b, sizeof(b));
    }
    T* const bias = gradient + deep * shape.wide() + c;
    for (index r = 0; r < block; ++r) {
      bias[0] += f0[r];
      bias[1] += f1[r];
    }
  }

  double add_block(index s, index j, index count, T* gradient) const {
    T* const samples = work.column(s);
    T* const scores = samples + block * shape.deep();
    const index pairs = shape.wide() / 2;
    const T* row[block];
    gather(j, count, samples, row);
    std::fill_n(scores, block * shape.scores(), T{0});
    for (index pair = 0; pair < pairs; ++pair) score(row, 2 * pair, scores);
    double sum = 0;
    for (index r = 0; r < block; ++r) {
      T* const mine = scores + r * shape.scores();
      if (r < count)
        sum += entropy(mine, labels.data[order.data[begin + j + r]]);
      else
        std::fill_n(mine, shape.scores(), T{0});
    }
    for (index pair = 0; pair < pairs; ++pair) descend(row, 2 * pair, scores, gradient);
    return sum;
  }
};

/// Adds up the slices' gradients and moves parameters and momentum, a few thousand at a time, as sgd does.
template <class T>
struct probe_update {
  static constexpr index run = 8192;
  matrix_view<T, host_space> params, momentum;  // (size, 1)
  matrix_view<const T, host_space> partial;     // (size, slices of this batch)
  T rate, keep, decay;
  bool nesterov;

  template <class Team>
  void operator()(const Team& team, index k) const {
    const index first = k * run, last = std::min(params.rows, first + run);
    T *const w = params.data, *const v = momentum.data;
    const T a = nesterov ? rate * keep : rate, b = nesterov ? rate : T{0};
    constexpr index strip = 64;
    for (index begin = first; begin < last; begin += strip) {
      T g[strip];
      const index count = std::min(strip, last - begin);
      std::copy_n(partial.data + begin, count, g);
      for (index s = 1; s < partial.cols; ++s) {
        const T* const more = partial.column(s) + begin;
        for (index i = 0; i < count; ++i) g[i] += more[i];
      }
      const T m = keep, d = decay;
      team.for_each(count, [&](index i) {
        const T u = g[i] + d * w[begin + i], next = m * v[begin + i] + u;
        v[begin + i] = next;
        w[begin + i] -= a * next + b * u;
      });
    }
  }
};

}  // namespace ssl::detail
