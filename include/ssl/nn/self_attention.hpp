#pragma once
// SPDX-License-Identifier: MIT

/// Multi-head self-attention over the pixels of a map (Vaswani et al., arXiv 1706.03762), without the
/// products that make queries, keys and values and mix the heads: those are 1x1 convolutions around it.

#include <algorithm>
#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/exp.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/attention_tile.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// Which tile of which head of which image a column of work is, and where that head lies.
struct attention_place {
  index image, head, first, count;  // tokens [first, first + count)
};
struct attention_shape {
  index tokens, heads, width;  // width of one head
  double scale;

  SSL_FN index tiles() const { return (tokens + tile_lanes - 1) / tile_lanes; }
  SSL_FN index channels() const { return heads * width; }
  SSL_FN attention_place place(index j) const {
    const divided tile = divide(j, tiles()), head = divide(tile.quotient, heads);
    const index first = tile.remainder * tile_lanes, left = tokens - first;
    return {head.quotient, head.remainder, first, left < tile_lanes ? left : tile_lanes};
  }
  /// Scratch for one column: the tiles of `of_width` matrices of a head's width and of `of_tokens` over all
  /// tokens, a row a tile, and three numbers a lane.
  SSL_FN index scratch(index of_width, index of_tokens) const {
    return tile_lanes * (of_width * width + of_tokens * tokens + tiles() + 3);
  }
};

/// Sixteen queries of one head. y = v softmax(k^T q scale); kept (2, tokens heads n) = each query's largest
/// score and one over the sum of its exponentials, unless it is null.
template <class B, class S>
struct attend {
  using T = typename B::scalar;
  attention_shape s;
  map_cview<B, S> x;  // (3 channels, tokens n): queries, keys, values
  map_view<B, S> y;   // (channels, tokens n)
  T* kept;
  view<B> scratch;  // (s.scratch(1, 1), columns)
  index begin;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const attention_place at = s.place(begin + j);
    const index width = s.width, tokens = s.tokens, ld = x.ld;
    const S* const q = x.column(at.image * tokens) + at.head * width;
    const S *const k = q + s.channels(), *const v = k + s.channels();
    T* const query = scratch.column(j);              // (width, lanes); later the result
    T* const score = query + width * tile_lanes;     // (tokens, lanes)
    T* const largest = score + tokens * tile_lanes;  // (lanes)
    T* const inverse = largest + tile_lanes;         // (lanes)
    T* const part = inverse + tile_lanes;            // (tiles, lanes)
    load_tile(team, width, q + at.first * ld, ld, at.count, static_cast<T>(s.scale), query);
    multiply_tile(team, tokens, width, k, ld, index{1}, query, score);
    fold_lanes(team, tokens, score, fn::maximum{}, part, largest);
    team.for_each(tokens, [=](index i) {
      T* const row = score + i * tile_lanes;
      for (index e = 0; e < tile_lanes; ++e) row[e] = branchless_exp(row[e] - largest[e]);
    });
    fold_lanes(team, tokens, score, fn::plus{}, part, inverse);
    team.for_each(tile_lanes, [=](index e) { inverse[e] = T{1} / inverse[e]; });
    multiply_tile(team, width, tokens, v, index{1}, ld, score, query);
    store_tile(team, width, query, inverse, y.column(at.image * tokens + at.first) + at.head * width, y.ld,
               at.count);
    if (!kept) return;
    T* const out = kept + 2 * ((at.image * s.heads + at.head) * tokens + at.first);
    team.for_each(at.count, [=](index e) {
      out[2 * e] = largest[e];
      out[2 * e + 1] = inverse[e];
    });
  }
};

/// Sixteen queries: dq, and dots (tokens, heads n) = dy . y of each query and head.
template <class B, class S>
struct attend_queries_gradient {
  using T = typename B::scalar;
  attention_shape s;
  map_cview<B, S> x, y, dy;
  map_view<B, S> dx;
  const T* kept;
  T* dots;
  view<B> scratch;  // (s.scratch(2, 2), columns)
  index begin;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const attention_place at = s.place(begin + j);
    const index width = s.width, tokens = s.tokens, ld = x.ld, row = at.image * tokens + at.first;
    const S* const q = x.column(at.image * tokens) + at.head * width;
    const S *const k = q + s.channels(), *const v = k + s.channels();
    const index number = (at.image * s.heads + at.head) * tokens + at.first;
    T* const query = scratch.column(j);           // (width, lanes); later dq
    T* const d = query + width * tile_lanes;      // (width, lanes), dy
    T* const score = d + width * tile_lanes;      // (tokens, lanes)
    T* const dp = score + tokens * tile_lanes;    // (tokens, lanes)
    T* const largest = dp + tokens * tile_lanes;  // (lanes)
    T* const inverse = largest + tile_lanes;      // (lanes)
    T* const dot = inverse + tile_lanes;          // (lanes)
    const T scale = static_cast<T>(s.scale);
    load_tile(team, width, q + at.first * ld, ld, at.count, scale, query);
    load_tile(team, width, dy.column(row) + at.head * width, dy.ld, at.count, T{1}, d);
    const S* const result = y.column(row) + at.head * width;
    const index y_ld = y.ld, count = at.count;
    const T* const row_kept = kept + 2 * number;
    T* const out = dots + number;
    team.for_each(tile_lanes, [=](index e) {
      T sum{0};
      for (index i = 0; i < width; ++i)
        sum += e < count ? d[i * tile_lanes + e] * static_cast<T>(result[i + e * y_ld]) : T{0};
      dot[e] = sum;
      largest[e] = e < count ? row_kept[2 * e] : T{0};
      inverse[e] = e < count ? row_kept[2 * e + 1] : T{0};
      if (e < count) out[e] = sum;
    });
    multiply_tile(team, tokens, width, k, ld, index{1}, query, score);
    multiply_tile(team, tokens, width, v, ld, index{1}, d, dp);
    team.for_each(tokens, [=](index i) {
      T *const row_p = score + i * tile_lanes, *const row_d = dp + i * tile_lanes;
      for (index e = 0; e < tile_lanes; ++e)
        row_p[e] = inverse[e] * branchless_exp(row_p[e] - largest[e]) * (row_d[e] - dot[e]);
    });
    multiply_tile(team, width, tokens, k, index{1}, ld, score, query);
    team.for_each(tile_lanes, [=](index e) { inverse[e] = scale; });
    store_tile(team, width, query, inverse, dx.column(row) + at.head * width, dx.ld, at.count);
  }
};

/// Sixteen keys and their values: dk, dv.
template <class B, class S>
struct attend_keys_gradient {
  using T = typename B::scalar;
  attention_shape s;
  map_cview<B, S> x, dy;
  map_view<B, S> dx;
  const T *kept, *dots;
  view<B> scratch;  // (s.scratch(2, 2), columns)
  index begin;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const attention_place at = s.place(begin + j);
    const index width = s.width, tokens = s.tokens, ld = x.ld, row = at.image * tokens + at.first;
    const S* const q = x.column(at.image * tokens) + at.head * width;
    const S* const d = dy.column(at.image * tokens) + at.head * width;
    const S *const k = q + s.channels(), *const v = k + s.channels();
    const index number = (at.image * s.heads + at.head) * tokens;
    T* const key = scratch.column(j);           // (width, lanes); later dk
    T* const value = key + width * tile_lanes;  // (width, lanes); later dv
    T* const p = value + width * tile_lanes;    // (tokens, lanes): a row is a query
    T* const ds = p + tokens * tile_lanes;      // (tokens, lanes), first dp
    T* const one = ds + tokens * tile_lanes;    // (lanes)
    T* const scales = one + tile_lanes;         // (lanes)
    const T scale = static_cast<T>(s.scale);
    const T *const row_kept = kept + 2 * number, *const dot = dots + number;
    load_tile(team, width, k + at.first * ld, ld, at.count, scale, key);
    load_tile(team, width, v + at.first * ld, ld, at.count, T{1}, value);
    multiply_tile(team, tokens, width, q, ld, index{1}, key, p);
    multiply_tile(team, tokens, width, d, dy.ld, index{1}, value, ds);
    team.for_each(tokens, [=](index i) {
      const T largest = row_kept[2 * i], inverse = row_kept[2 * i + 1], less = dot[i];
      T *const row_p = p + i * tile_lanes, *const row_d = ds + i * tile_lanes;
      for (index e = 0; e < tile_lanes; ++e) {
        row_p[e] = inverse * branchless_exp(row_p[e] - largest);
        row_d[e] = row_p[e] * (row_d[e] - less);
      }
    });
    multiply_tile(team, width, tokens, q, index{1}, ld, ds, key);
    multiply_tile(team, width, tokens, d, index{1}, dy.ld, p, value);
    team.for_each(tile_lanes, [=](index e) {
      one[e] = T{1};
      scales[e] = scale;
    });
    S* const to = dx.column(row) + at.head * width + s.channels();
    store_tile(team, width, key, scales, to, dx.ld, at.count);
    store_tile(team, width, value, one, to + s.channels(), dx.ld, at.count);
  }
};

}  // namespace detail

/// y (c, pixels n) from x (3c, pixels n), whose rows are queries, keys and values, c each: of an image's
/// tokens, its pixels, y(., i) = sum_j a_ij v_j, a_i. = softmax_j(q_i . k_j / sqrt(c / heads)), head after
/// head of c / heads channels: PyTorch's scaled_dot_product_attention. No parameters, no masks.
///
/// Sixteen queries, or keys, at a time against all tokens; their scores are not kept but made again in
/// backward, so that memory does not grow with the square of the tokens. Tape: two numbers for each token and
/// head. Scratch: a few megabytes. 4 c pixels^2 n flops forward, 14 backward. No two columns of work write
/// the same memory: results repeat to the bit.
struct self_attention {
  using kind = layer_kind;
  index heads = 1;

  image_shape output(image_shape in) const {
    if (heads < 1)
      throw option_error("ssl::self_attention: heads is " + std::to_string(heads) + ", expected at least 1");
    if (in.channels % (3 * heads) != 0 || in.channels < 1)
      throw shape_error("ssl::self_attention: the input has " + std::to_string(in.channels) +
                        " channels; they must be queries, keys and values of " + std::to_string(heads) +
                        " heads, a multiple of " + std::to_string(3 * heads));
    return {in.channels / 3, in.height, in.width};
  }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape in, index n) const { return 2 * heads * in.pixels() * n; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const detail::attention_shape s = shape(in);
    in_blocks(ctx, s, n, s.scratch(1, 1), [&](view<B> scratch, index begin) {
      for_each_column(ctx.be, scratch.cols, detail::attend<B, S>{s, p.x, p.y, p.tape.data, scratch, begin});
    });
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    if (!p.dx.data) return;
    const detail::attention_shape s = shape(in);
    scratch_scope scope(ctx);
    const view<B> dots = ctx.take(s.tokens, s.heads * n);
    in_blocks(ctx, s, n, s.scratch(2, 2), [&](view<B> scratch, index begin) {
      for_each_column(ctx.be, scratch.cols,
                      detail::attend_queries_gradient<B, S>{s, p.x, p.y, p.dy, p.dx, p.tape.data, dots.data,
                                                            scratch, begin});
    });
    in_blocks(ctx, s, n, s.scratch(2, 2), [&](view<B> scratch, index begin) {
      for_each_column(
          ctx.be, scratch.cols,
          detail::attend_keys_gradient<B, S>{s, p.x, p.dy, p.dx, p.tape.data, dots.data, scratch, begin});
    });
  }

 private:
  detail::attention_shape shape(image_shape in) const {
    const index width = in.channels / (3 * heads);
    return {in.pixels(), heads, width, 1 / std::sqrt(static_cast<double>(width))};
  }

  /// body(scratch (rows, columns), begin) for all columns of work, so many at a time that scratch stays
  /// small.
  template <class Ctx, class Body>
  static void in_blocks(Ctx& ctx, const detail::attention_shape& s, index n, index rows, const Body& body) {
    scratch_scope scope(ctx);
    const index count = s.tiles() * s.heads * n;
    const index block = std::min(count, std::max<index>(256, (index{1} << 20) / rows));
    const auto scratch = ctx.take(rows, block);
    for (index begin = 0; begin < count; begin += block)
      body(scratch.columns(0, std::min(block, count - begin)), begin);
  }
};

}  // namespace ssl
