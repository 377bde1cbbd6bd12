#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: what a layer is.
///
/// A layer is a value that describes a function of feature maps; it owns no memory and knows no backend. A
/// map of n images of shape `in` is a matrix (in.channels, in.pixels() * n), channel-last, one column per
/// pixel; an embedding has one pixel an image, (features, n). All matrices of a pass are contiguous.
///
/// `output(in)`              the shape of the result; throws shape_error where the layer cannot take `in`.
/// `parameters(in)`          the table of its parameters, in the order in which they lie in its flat block;
///                           offsets are the network's matter. `parameter_count(in)` is their number.
/// `tape(in, n)`             scalars that `forward` leaves for `backward`; it may not shrink when n grows.
///                           `tape(in, n, entries)` where it depends on how the maps are stored, see below.
/// `forward(ctx, in, n, p)`  p.y = f(p.x; p.params). In mode::train it fills p.tape, unless that is empty:
///                           then no backward follows and nothing is kept. In mode::eval p.tape is empty.
///                           Reads and, for running statistics, writes p.params; with p.replay it is a
///                           repetition and running statistics stay. y does not overlap x.
/// `backward(ctx, in, n, p)` once after a training forward, with p.params, x, y and tape as that left them:
///                           p.dx = dL/dx (left out where p.dx.data is null), p.dparams += dL/dparams.
///                           dx overlaps nothing; its memory is the layer's to use until it is written. So is
///                           p.spare. The tape is used up.
///
/// What a layer may say of itself, so that less is kept (all optional, `detail::` below asks for them):
///
/// `reads()`                 what of x and y its backward reads; without it, both. What nobody reads is not
///                           kept and comes as a null view.
/// `in_place()`              its forward may run with y on top of x.
/// `remakes(with_x)`         y can be made again in the backward pass, from the tape and, if `with_x`, from
///                           x, which then is one that `reads()`: by `remake(ctx, in, n, p)`, p.y = the same
///                           bits that forward gave. Only p.params, x, y and tape are set.
/// `takes_gate()`            where p.gate is set, its backward takes dy for zero wherever p.gate <= 0.
///
/// Maps are stored in S, by default the backend's scalar; a layer whose passes take a pass<backend, S> of any
/// S can also run on maps of bf16 (in_bf16.hpp). Parameters, their gradients, statistics and sums stay in the
/// scalar or in double: S says how x, y, dy and dx lie in memory, not how one computes. The tape is a block
/// of scalars; maps of S that lie on it take one scalar for each `entries_per_scalar<S>` entries.
///
/// Scratch comes from the context and is released before the call returns. Nothing in a pass allocates once
/// the scratch arena has seen a pass of that size.

#include <concepts>
#include <string>
#include <vector>

#include "ssl/core/bf16.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/segment.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/core/view.hpp"

namespace ssl {

/// `using kind = layer_kind;` makes a type a layer.
struct layer_kind {};

/// A feature map in a backend's memory, stored in S: to write and to read.
template <class B, class S>
using map_view = matrix_view<S, typename B::space>;
template <class B, class S>
using map_cview = matrix_view<const S, typename B::space>;

/// Entries of a map of S that take the room of one scalar on a tape; a double has room to spare.
template <class S>
inline constexpr index entries_per_scalar = 1;
template <>
inline constexpr index entries_per_scalar<bf16> = 2;

/// What one layer reads and writes in one pass, with maps stored in S.
template <class B, class S = typename B::scalar>
struct pass {
  view<B> params{};        // (P, 1), this layer's slice of the flat block
  map_cview<B, S> x{};     // (in.channels, in.pixels() * n)
  map_view<B, S> y{};      // (out.channels, out.pixels() * n)
  view<B> tape{};          // (tape(in, n), 1)
  map_cview<B, S> dy{};    // as y
  map_view<B, S> dx{};     // as x
  view<B> dparams{};       // as params
  map_cview<B, S> gate{};  // as dy, or null; only for a layer that takes it
  view<B> spare{};         // (any, 1): scratch that backward may use instead of the context's
  bool replay = false;     // forward is repeated for the same batch
};

/// What a layer's backward reads of the maps around it.
struct backward_reads {
  bool x = true, y = true;
};

/// A type that says it is a layer, whatever it can do: what `|` composes.
template <class L>
concept LayerKind = std::same_as<typename L::kind, layer_kind>;

template <class L>
concept LayerShapes = requires(const L layer, image_shape in, index n) {
  { layer.output(in) } -> std::same_as<image_shape>;
  { layer.tape(in, n) } -> std::same_as<index>;
};

template <class L>
concept LayerParameters = requires(const L layer, image_shape in) {
  { layer.parameters(in) } -> std::same_as<std::vector<segment>>;
  { layer.parameter_count(in) } -> std::same_as<index>;
};

template <class L, class Ctx, class S = typename Ctx::scalar>
concept LayerPasses = requires(const L layer, Ctx& ctx, image_shape in, index n,
                               pass<typename Ctx::backend, S> p) {
  layer.forward(ctx, in, n, p);
  layer.backward(ctx, in, n, p);
};

template <class L, class Ctx>
concept Layer = LayerKind<L> && LayerShapes<L> && LayerParameters<L> && LayerPasses<L, Ctx>;

/// Says what a type lacks to be a layer, in a sentence.
template <class L, class Ctx>
consteval bool check_layer() {
  static_assert(LayerKind<L>, "ssl: a Layer says `using kind = layer_kind;`.");
  static_assert(LayerShapes<L>,
                "ssl: a Layer has `image_shape output(image_shape in) const` and `index tape(image_shape in, "
                "index n) const`, the scalars it keeps for n images.");
  static_assert(LayerParameters<L>,
                "ssl: a Layer has `std::vector<segment> parameters(image_shape in) const` and `index "
                "parameter_count(image_shape in) const`.");
  static_assert(LayerPasses<L, Ctx>,
                "ssl: a Layer has `forward(ctx, in, n, p)` and `backward(ctx, in, n, p)` const, p being a "
                "pass<backend>.");
  return Layer<L, Ctx>;
}

namespace detail {

/// Says that a layer knows maps of the scalar only, in a sentence, where it is asked for another storage.
template <class L, class Ctx, class S>
consteval void check_storage() {
  static_assert(std::same_as<S, typename Ctx::scalar> || LayerPasses<L, Ctx, S>,
                "ssl: this layer runs on maps of the backend's scalar only; inside in_bf16 its `forward` and "
                "`backward` must take a pass<backend, S> of any S.");
}

/// The tape of a layer whose maps have `entries` entries in a scalar.
template <class L>
constexpr index tape_of(const L& layer, image_shape in, index n, index entries) {
  if constexpr (requires { layer.tape(in, n, entries); }) {
    return layer.tape(in, n, entries);
  } else {
    return layer.tape(in, n);
  }
}

template <class L>
constexpr backward_reads reads_of(const L& layer) {
  if constexpr (requires { layer.reads(); }) {
    return layer.reads();
  } else {
    return {};
  }
}

template <class L>
constexpr bool runs_in_place(const L& layer) {
  if constexpr (requires { layer.in_place(); }) {
    return layer.in_place();
  } else {
    return false;
  }
}

template <class L>
constexpr bool remakes(const L& layer, bool with_x) {
  if constexpr (requires { layer.remakes(with_x); }) {
    return layer.remakes(with_x);
  } else {
    return false;
  }
}

template <class L>
constexpr bool takes_gate(const L& layer) {
  if constexpr (requires { layer.takes_gate(); }) {
    return layer.takes_gate();
  } else {
    return false;
  }
}

/// p.y = what forward gave, for a layer that remakes it.
template <class L, class Ctx, class B, class S>
void remake(const L& layer, Ctx& ctx, image_shape in, index n, pass<B, S> p) {
  if constexpr (requires { layer.remake(ctx, in, n, p); }) layer.remake(ctx, in, n, p);
}

/// The feature map of n images that starts at an offset of a flat block.
template <class T, class Space>
SSL_FN matrix_view<T, Space> map_at(matrix_view<T, Space> block, index offset, image_shape s, index n) {
  return {block.data + offset, s.channels, s.pixels() * n, s.channels};
}

/// The feature map of n images, stored in S, that starts at a scalar of a tape.
template <class S, class T, class Space>
SSL_FN matrix_view<S, Space> stored_at(matrix_view<T, Space> tape, index offset, image_shape s, index n) {
  return {reinterpret_cast<S*>(tape.data + offset), s.channels, s.pixels() * n, s.channels};
}

/// Scratch for a matrix of S.
template <class S, class Ctx>
map_view<typename Ctx::backend, S> take_stored(Ctx& ctx, index rows, index cols) {
  return ctx.scratch.template take<S>(rows, cols);
}

/// Scalars that `count` entries take on a tape.
constexpr index scalars_for(index count, index entries) { return (count + entries - 1) / entries; }

/// Rounded up to 16 scalars, so that what follows in a block starts on a cache line.
constexpr index padded(index count) { return (count + 15) / 16 * 16; }

/// A map from the end of a block, which gets shorter, or where it does not fit, from the context's scratch.
template <class S, class Ctx, class V>
map_view<typename Ctx::backend, S> take_from(V& block, Ctx& ctx, index rows, index cols) {
  const index count = padded(scalars_for(rows * cols, entries_per_scalar<S>));
  if (!block.data || count > block.rows) return take_stored<S>(ctx, rows, cols);
  block = slice(block, 0, block.rows - count);
  return {reinterpret_cast<S*>(block.data + block.rows), rows, cols, rows};
}

/// The name of a layer that has one: what wraps it is called the same.
template <class L>
struct same_name {};
template <class L>
requires requires(const L& layer) { layer.name; }
struct same_name<L> {
  const char* name = "";
};

inline std::string text(image_shape s) {
  return std::to_string(s.channels) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width);
}

/// The same table, every name behind a prefix.
inline std::vector<segment> prefixed(const std::string& prefix, std::vector<segment> table) {
  for (segment& s : table) s.name = prefix + s.name;
  return table;
}

}  // namespace detail

}  // namespace ssl
