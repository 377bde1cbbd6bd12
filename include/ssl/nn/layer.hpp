#pragma once
/// The law of this folder: what a layer is.
///
/// A layer is a value that describes a function of feature maps; it owns no memory and knows no backend. A
/// map of n images of shape `in` is a matrix (in.channels, in.pixels() * n), channel-last, one column per
/// pixel; an embedding has one pixel an image, (features, n). All matrices of a pass are contiguous.
///
/// `output(in)`             the shape of the result; throws shape_error where the layer cannot take `in`.
/// `parameters(in)`         the table of its parameters, in the order in which they lie in its flat block;
///                          offsets are the network's matter. `parameter_count(in)` is their number.
/// `tape(in, n)`            scalars that `forward` leaves for `backward`; it may not shrink when n grows.
///                          `tape(in, n, entries)` where it depends on how the maps are stored, see below.
/// `forward(ctx, in, n, p)` p.y = f(p.x; p.params). In mode::train it fills p.tape; in mode::eval p.tape is
///                          empty. Reads and, for running statistics, writes p.params. y does not overlap x.
/// `backward(ctx, in, n, p)` after a training forward, with p.params, x, y and tape as that left them:
///                          p.dx = dL/dx (left out where p.dx.data is null), p.dparams += dL/dparams.
///                          dx overlaps nothing.
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
  view<B> params{};      // (P, 1), this layer's stretch of the flat block
  map_cview<B, S> x{};   // (in.channels, in.pixels() * n)
  map_view<B, S> y{};    // (out.channels, out.pixels() * n)
  view<B> tape{};        // (tape(in, n), 1)
  map_cview<B, S> dy{};  // as y
  map_view<B, S> dx{};   // as x
  view<B> dparams{};     // as params
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
