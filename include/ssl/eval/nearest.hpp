#pragma once
// SPDX-License-Identifier: MIT

/// The nearest of a bank for each of many columns, found while tiles of similarities come.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <utility>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/exec/context.hpp"

namespace ssl::detail {

inline constexpr index knn_run = 32;  // similarities whose maximum is looked at before they are

/// The smaller of two.
struct minimum {
  template <class T>
  SSL_FN T operator()(T a, T b) const {
    return b < a ? b : a;
  }
  template <class T>
  SSL_FN static constexpr T identity() {
    return fn::greatest<T>;
  }
};

/// Turns one column of products into similarities and merges it into that column's k best, largest first.
template <class T, class Space>
struct keep_nearest {
  matrix_view<T, Space> products;          // (tile, m): x_i . y_j; destroyed
  matrix_view<T, Space> maxima;            // (runs, m)
  matrix_view<const T, Space> train_norm;  // (1, tile): 1 / |x|, or |x|^2
  matrix_view<const T, Space> test_norm;   // (1, m)
  matrix_view<T, Space> best;              // (k, m)
  matrix_view<std::int32_t, Space> who;    // (k, m)
  index first;                             // the training sample of row 0
  bool cosine;

  SSL_FN T run_maximum(const T* s, index run) const {
    const index begin = run * knn_run, rest = products.rows - begin, count = rest < knn_run ? rest : knn_run;
    T top = fn::least<T>;  // so that NaNs are passed over
    for (index i = begin; i < begin + count; ++i) top = s[i] > top ? s[i] : top;
    return top;
  }

  /// Moves the best of run `run`, whose similarity is `value`, from s into the list.
  SSL_FN void take(T* s, T* top, std::int32_t* name, T* run_top, index run, T value) const {
    index i = run * knn_run;
    while (s[i] != value) ++i;
    index place = best.rows - 1;
    for (; place > 0 && top[place - 1] < value; --place) {
      top[place] = top[place - 1];
      name[place] = name[place - 1];
    }
    top[place] = value;
    name[place] = static_cast<std::int32_t>(first + i);
    s[i] = fn::least<T>;
    run_top[run] = run_maximum(s, run);
  }

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    T* const s = products.column(j);
    T* const run_top = maxima.column(j);
    T* const top = best.column(j);
    std::int32_t* const name = who.column(j);
    const index runs = maxima.rows, tile = products.rows, k = best.rows;
    const T* const norm = train_norm.data;
    const T mine = test_norm(0, j);
    if (cosine)
      team.for_each(tile, [=](index i) { s[i] *= norm[i] * mine; });
    else
      team.for_each(tile, [=](index i) { s[i] = 2 * s[i] - norm[i] - mine; });
    team.for_each(runs, [&](index run) { run_top[run] = run_maximum(s, run); });
    for (;;) {
      const T value = team.reduce(runs, fn::least<T>, fn::maximum{}, [=](index run) { return run_top[run]; });
      if (!(value > top[k - 1])) return;
      const index run =
          team.reduce(runs, runs, minimum{}, [=](index r) { return run_top[r] == value ? r : runs; });
      team.for_each(1, [&](index) { take(s, top, name, run_top, run, value); });
    }
  }
};

/// A number's bits, those of 0 for -0: adding 0 to the number is left out under -ffast-math.
template <class Bits>
Bits unsigned_zero(Bits bits) {
  return bits + bits == 0 ? Bits{0} : bits;
}

/// A similarity and its sample as integers that stand in the order wanted, larger values first, then earlier
/// samples: comparing them takes no branch, which nobody could predict.
template <class T>
struct noted_similarity {
  std::uint64_t key;
  std::uint64_t name_bits;

  noted_similarity() = default;
  noted_similarity(T value, std::int32_t name)
      : key(turned(unsigned_zero(std::bit_cast<std::uint64_t>(static_cast<double>(value))))),
        name_bits(static_cast<std::uint32_t>(name)) {}
  T value() const { return static_cast<T>(std::bit_cast<double>(turned(key))); }
  std::int32_t name() const { return static_cast<std::int32_t>(name_bits); }

  friend bool operator<(const noted_similarity& a, const noted_similarity& b) {
    return static_cast<bool>(static_cast<int>(a.key < b.key) | (static_cast<int>(a.key == b.key) &
                                                                static_cast<int>(a.name_bits < b.name_bits)));
  }

 private:
  /// Bits of a number so that larger ones come first as integers do; its own inverse.
  static std::uint64_t turned(std::uint64_t bits) {
    return bits ^ (((bits >> 63U) - 1) >> 1U);  // all bits but the sign's, unless that is set
  }
};

template <>
struct noted_similarity<float> {
  std::uint64_t key;  // the value's bits above the sample's

  noted_similarity() = default;
  noted_similarity(float value, std::int32_t name)
      : key(std::uint64_t{turned(unsigned_zero(std::bit_cast<std::uint32_t>(value)))} << 32U |
            static_cast<std::uint32_t>(name)) {}
  float value() const { return std::bit_cast<float>(turned(static_cast<std::uint32_t>(key >> 32U))); }
  std::int32_t name() const { return static_cast<std::int32_t>(key & 0xFFFFFFFFU); }

  friend bool operator<(const noted_similarity& a, const noted_similarity& b) { return a.key < b.key; }

 private:
  static std::uint32_t turned(std::uint32_t bits) { return bits ^ (((bits >> 31U) - 1) >> 1U); }
};

/// Moves the first `k` >= 1 of `count` different items, in the order of <, to the front and the last of these
/// to place k - 1: quickselect whose partition has no branch.
template <class Item>
void select_first(Item* list, index k, index count) {
  index low = 0, high = count;  // the k-th is in [low, high)
  for (int turn = 0; turn < 64 && high - low > 1; ++turn) {
    const index middle = low + (high - low) / 2, last = high - 1;
    if (list[middle] < list[low]) std::swap(list[middle], list[low]);
    if (list[last] < list[low]) std::swap(list[last], list[low]);
    if (list[middle] < list[last]) std::swap(list[middle], list[last]);
    const Item pivot = list[last];  // the median of three
    index place = low;
    for (index i = low; i < last; ++i) {
      const Item item = list[i];
      list[i] = list[place];
      list[place] = item;
      place += static_cast<index>(item < pivot);
    }
    list[last] = list[place];
    list[place] = pivot;
    if (place == k - 1) return;
    if (place < k - 1)
      low = place + 1;
    else
      high = place;
  }
  if (high - low > 1) std::nth_element(list + low, list + k - 1, list + high);
}

/// The same on a CPU, with twice the room and no list in order: what is above the k-th best of a while ago is
/// noted, and when the room is full the k best of it stay. Sixteen similarities are compared with that bound
/// at once.
template <class T>
struct note_nearest {
  static constexpr index run = 16;
  using noted = noted_similarity<T>;
  /// Room for one column.
  static constexpr index room(index k) { return 2 * k + 4 * run; }

  matrix_view<const T, host_space> products;    // (tile, m): x_i . y_j
  matrix_view<const T, host_space> train_norm;  // (1, tile): 1 / |x|, or |x|^2
  matrix_view<const T, host_space> test_norm;   // (1, m)
  matrix_view<noted, host_space> notes;         // (room, m)
  matrix_view<index, host_space> counts;        // (1, m): notes so far
  matrix_view<T, host_space> bounds;            // (1, m): what a new note must exceed
  index k, first;                               // `first`: the training sample of row 0
  bool cosine;

  /// value(i) of row i, for all rows.
  template <class Value>
  void look_through(index j, const Value& value) const {
    noted* const list = notes.column(j);
    index count = counts(0, j);
    T bound = bounds(0, j);
    for (index begin = 0; begin < products.rows; begin += run) {
      const index rest = products.rows - begin;
      T now[run];
      int above = 0;
      if (rest >= run) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC unroll 1
#endif
        for (index e = 0; e < run; ++e) {
          now[e] = value(begin + e);
          above |= static_cast<int>(now[e] > bound);
        }
      } else {
        for (index e = 0; e < rest; ++e) {
          now[e] = value(begin + e);
          above |= static_cast<int>(now[e] > bound);
        }
      }
      if (above == 0) continue;
      for (index e = 0; e < std::min(run, rest); ++e) {
        list[count] = noted(now[e], static_cast<std::int32_t>(first + begin + e));
        count += static_cast<index>(now[e] > bound);
      }
      if (count + run >= notes.rows) {
        select_first(list, k, count);
        bound = list[k - 1].value();
        count = k;
      }
    }
    counts(0, j) = count;
    bounds(0, j) = bound;
  }

  template <class Team>
  void operator()(const Team&, index j) const {
    const T* const s = products.column(j);
    const T* const norm = train_norm.data;
    const T mine = test_norm(0, j);
    if (cosine)
      look_through(j, [=](index i) { return s[i] * (norm[i] * mine); });
    else
      look_through(j, [=](index i) { return 2 * s[i] - norm[i] - mine; });
  }
};

/// The k best notes of column j in order; where fewer are, the rest as `keep_nearest` starts.
template <class T>
struct sort_notes {
  using noted = typename note_nearest<T>::noted;
  matrix_view<noted, host_space> notes;         // (room, m)
  matrix_view<const index, host_space> counts;  // (1, m)
  matrix_view<T, host_space> best;              // (k, m)
  matrix_view<std::int32_t, host_space> who;    // (k, m)

  template <class Team>
  void operator()(const Team&, index j) const {
    noted* const list = notes.column(j);
    const index count = counts(0, j), k = best.rows, kept = std::min(k, count);
    if (kept < count) select_first(list, kept, count);
    std::sort(list, list + kept);
    for (index r = 0; r < k; ++r) {
      best(r, j) = r < kept ? list[r].value() : fn::least<T>;
      who(r, j) = r < kept ? list[r].name() : -1;
    }
  }
};

/// The k nearest of m test columns, found as tiles of products come.
template <class Ctx>
class nearest_so_far {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  static constexpr bool on_host = std::same_as<S, host_space>;

 public:
  /// Takes its scratch, for up to `wide` columns and tiles of up to `tall` rows.
  nearest_so_far(Ctx& ctx, index k, index tall, index wide, bool cosine)
      : ctx_(&ctx), cosine_(cosine), best_(ctx.take(k, wide)) {
    who_ = ctx.scratch.template take<std::int32_t>(k, wide);
    if constexpr (on_host) {
      notes_ = ctx.scratch.template take<typename note_nearest<T>::noted>(note_nearest<T>::room(k), wide);
      counts_ = ctx.scratch.template take<index>(1, wide);
      bounds_ = ctx.take(1, wide);
    } else {
      maxima_ = ctx.take((tall + knn_run - 1) / knn_run, wide);
    }
  }

  void start(index m) {
    m_ = m;
    if constexpr (on_host) {
      fill(ctx_->be, counts_.columns(0, m), index{0});
      fill(ctx_->be, bounds_.columns(0, m), std::numeric_limits<T>::lowest());
    } else {
      fill(ctx_->be, best(), std::numeric_limits<T>::lowest());
      fill(ctx_->be, who(), std::int32_t{-1});
    }
  }

  /// `products` (tile, m) may be destroyed; row 0 is training sample `first`.
  void add(typename Ctx::matrix products, typename Ctx::const_matrix train_norm,
           typename Ctx::const_matrix test_norm, index first) {
    if constexpr (on_host) {
      for_each_column(
          ctx_->be, m_,
          note_nearest<T>{as_const(products), train_norm, test_norm, notes_.columns(0, m_),
                          counts_.columns(0, m_), bounds_.columns(0, m_), best_.rows, first, cosine_});
    } else {
      const index runs = (products.rows + knn_run - 1) / knn_run;
      for_each_column(ctx_->be, m_,
                      keep_nearest<T, S>{products,
                                         {maxima_.data, runs, m_, runs},
                                         train_norm,
                                         test_norm,
                                         best(),
                                         who(),
                                         first,
                                         cosine_});
    }
  }

  /// After the last tile; then best() and who() (k, m) hold similarities, largest first, and their samples.
  void finish() {
    if constexpr (on_host)
      for_each_column(ctx_->be, m_,
                      sort_notes<T>{notes_.columns(0, m_), as_const(counts_.columns(0, m_)), best(), who()});
  }
  typename Ctx::matrix best() const { return best_.columns(0, m_); }
  matrix_view<std::int32_t, S> who() const { return who_.columns(0, m_); }

 private:
  Ctx* ctx_;
  bool cosine_;
  index m_ = 0;
  typename Ctx::matrix best_, maxima_{}, bounds_{};
  matrix_view<std::int32_t, S> who_{};
  matrix_view<typename note_nearest<T>::noted, S> notes_{};
  matrix_view<index, S> counts_{};
};

}  // namespace ssl::detail
