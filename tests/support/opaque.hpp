#pragma once
/// A layer that says nothing of what it reads or can do, so that whatever holds it keeps everything: what a
/// composition that keeps less is compared with.

#include <utility>

#include "ssl/nn/layer.hpp"

namespace ssl::test {

template <LayerKind L>
struct opaque_layer {
  using kind = layer_kind;
  L layer{};
  image_shape output(image_shape in) const { return layer.output(in); }
  std::vector<segment> parameters(image_shape in) const { return layer.parameters(in); }
  index parameter_count(image_shape in) const { return layer.parameter_count(in); }
  index tape(image_shape in, index n, index entries = 1) const {
    return detail::tape_of(layer, in, n, entries);
  }
  template <class Ctx, class B, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    layer.forward(ctx, in, n, p);
  }
  template <class Ctx, class B, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    layer.backward(ctx, in, n, p);
  }
};

template <LayerKind L>
opaque_layer<L> opaque(L layer) {
  return {std::move(layer)};
}

}  // namespace ssl::test
