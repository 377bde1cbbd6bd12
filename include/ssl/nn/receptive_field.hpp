#pragma once
// SPDX-License-Identifier: MIT

/// What one output pixel of a network sees of the input, read off its layers.

#include <concepts>
#include <string>

#include "ssl/nn/activation.hpp"
#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/gelu.hpp"
#include "ssl/nn/layer.hpp"
#include "ssl/nn/layer_norm.hpp"

namespace ssl {

/// Output pixel (r, c) depends on the input pixels [r stride, r stride + side) x [c stride, c stride + side)
/// and on nothing else: neither on the rest of the image nor on where in the image the square lies.
struct receptive_field {
  index side = 1, stride = 1;

  /// Of this one first and `next` after it.
  constexpr receptive_field then(receptive_field next) const {
    return {side + (next.side - 1) * stride, stride * next.stride};
  }
  /// Output pixels along an axis of `length` input pixels, at least `side`.
  constexpr index positions(index length) const { return (length - side) / stride + 1; }

  friend constexpr bool operator==(const receptive_field&, const receptive_field&) = default;
};

/// The field of a layer. A layer of a program's own has a member `receptive_field field() const`; of this
/// library's, convolutions and pools over windows have one if they do not pad (at an image's border padding
/// puts zeros where a patch inside the image has pixels, so that the result would depend on the place),
/// layers that work pixel by pixel have one pixel, chains, stacks, `named`, `in_bf16` and residual blocks
/// have what follows from their parts. Throws option_error, naming the layer, where there is none: padding,
/// or a layer over the whole map.
template <LayerKind L>
receptive_field receptive_field_of(const L& layer) {
  if constexpr (requires {
                  { layer.field() } -> std::same_as<receptive_field>;
                }) {
    return layer.field();
  } else if constexpr (requires { layer.visit(layer.length(), [](const auto&) {}); }) {  // chain, stack
    receptive_field sum;
    for (index k = 0; k < layer.length(); ++k)
      layer.visit(k, [&](const auto& part) { sum = sum.then(receptive_field_of(part)); });
    return sum;
  } else if constexpr (requires {
                         layer.block;
                         layer.shortcut;
                       }) {  // residual
    const receptive_field block = receptive_field_of(layer.block);
    const receptive_field other = layer.shortcut ? receptive_field_of(*layer.shortcut) : receptive_field{};
    if (block.stride != other.stride)
      throw option_error("ssl::receptive_field_of: a residual block has stride " +
                         std::to_string(block.stride) + ", its shortcut " + std::to_string(other.stride) +
                         "; both must see the same places");
    return {block.side > other.side ? block.side : other.side, block.stride};
  } else if constexpr (requires { layer.layer; }) {  // named
    return receptive_field_of(layer.layer);
  } else if constexpr (requires { layer.inner().output(image_shape{}); }) {  // in_bf16
    return receptive_field_of(layer.inner());
  } else if constexpr (requires {
                         layer.kernel;
                         layer.stride;
                       }) {  // convolutions, pools over windows
    if constexpr (requires { layer.padding; })
      if (layer.padding != 0)
        throw option_error("ssl::receptive_field_of: a layer with kernel " + std::to_string(layer.kernel) +
                           " has padding " + std::to_string(layer.padding) +
                           ", so that what it makes of a patch depends on the patch's place in the image; "
                           "expected layers without padding, as those of bag_encoder");
    return {layer.kernel, layer.stride};
  } else if constexpr (std::same_as<L, relu> || std::same_as<L, batch_norm> || std::same_as<L, layer_norm> ||
                       std::same_as<L, gelu> || std::same_as<L, identity_layer>) {
    return {};
  } else {
    throw option_error(
        "ssl::receptive_field_of: a layer reads the whole map or does not say what it reads; expected "
        "convolutions, pools over windows (mean_window in place of mean_pool), layers that work pixel by "
        "pixel, or layers with a member `receptive_field field() const`");
  }
}

}  // namespace ssl
