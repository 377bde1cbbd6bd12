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
/// `forward(ctx, in, n, p)` p.y = f(p.x; p.params). In mode::train it fills p.tape; in mode::eval p.tape is
///                          empty. Reads and, for running statistics, writes p.params. y does not overlap x.
/// `backward(ctx, in, n, p)` after a training forward, with p.params, x, y and tape as that left them:
///                          p.dx = dL/dx (left out where p.dx.data is null), p.dparams += dL/dparams.
///                          dx overlaps nothing.
///
/// Scratch comes from the context and is released before the call returns. Nothing in a pass allocates once
/// the scratch arena has seen a pass of that size.

#include <concepts>
#include <string>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/segment.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/core/view.hpp"

namespace ssl {

/// `using kind = layer_kind;` makes a type a layer.
struct layer_kind {};

/// What one layer reads and writes in one pass.
template <class B>
struct pass {
  view<B> params{};         // (P, 1), this layer's stretch of the flat block
  cview<B> x{};             // (in.channels, in.pixels() * n)
  view<B> y{}, tape{};      // (out.channels, out.pixels() * n), (tape(in, n), 1)
  cview<B> dy{};            // as y
  view<B> dx{}, dparams{};  // as x, as params
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

template <class L, class Ctx>
concept LayerPasses = requires(const L layer, Ctx& ctx, image_shape in, index n,
                               pass<typename Ctx::backend> p) {
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

/// The feature map of n images that starts at an offset of a flat block.
template <class T, class Space>
SSL_FN matrix_view<T, Space> map_at(matrix_view<T, Space> block, index offset, image_shape s, index n) {
  return {block.data + offset, s.channels, s.pixels() * n, s.channels};
}

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
