#pragma once
// SPDX-License-Identifier: MIT

/// A small vision transformer without a class token (Dosovitskiy et al., arXiv 2010.11929; Beyer et al.,
/// arXiv 2205.01580): tokens are patches of the input, the embedding is their mean.

#include <string>
#include <vector>

#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/gelu.hpp"
#include "ssl/nn/layer_norm.hpp"
#include "ssl/nn/learned_positions.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/residual.hpp"
#include "ssl/nn/self_attention.hpp"

namespace ssl {

struct vision_transformer_options {
  index patch = 4;  // side of a token in pixels
  index width = 192, depth = 6, heads = 3;
  index hidden = 4;  // times the width, between the two products that follow the attention
  gelu_form activation = gelu_form::erf;
};

/// Tokens by a convolution of kernel and stride `patch`, learned positions, `depth` blocks of attention and
/// two products per token, each behind a layer norm and beside a shortcut, a last layer norm, and the mean
/// over tokens. No batch statistics anywhere. Names as timm's. With its defaults on 3 x 32 x 32: 64
/// tokens, 2.7 million parameters, 192 features.
inline auto vision_transformer(const vision_transformer_options& o = {}) {
  if (o.patch < 1 || o.depth < 0 || o.hidden < 1 || o.heads < 1 || o.width < 1 || o.width % o.heads != 0)
    throw option_error("ssl::vision_transformer: patch " + std::to_string(o.patch) + ", width " +
                       std::to_string(o.width) + ", depth " + std::to_string(o.depth) + ", heads " +
                       std::to_string(o.heads) + ", hidden " + std::to_string(o.hidden) +
                       "; all must be positive, the depth zero or more, the width a multiple of the heads");
  const auto each = [](index out) { return conv2d{.out = out, .kernel = 1, .padding = 0, .bias = true}; };
  auto attention =
      residual(named("norm1", layer_norm{}) | named("attn.qkv", each(3 * o.width)) |
               named("attn", self_attention{.heads = o.heads}) | named("attn.proj", each(o.width)));
  auto perceptron = residual(named("norm2", layer_norm{}) | named("mlp.fc1", each(o.hidden * o.width)) |
                             named("mlp.act", gelu{.form = o.activation}) | named("mlp.fc2", each(o.width)));
  auto block = named("", std::move(attention)) | named("", std::move(perceptron));
  return named("patch_embed.proj",
               conv2d{.out = o.width, .kernel = o.patch, .stride = o.patch, .padding = 0, .bias = true}) |
         named("", learned_positions{}) | named("blocks", repeat(o.depth, std::move(block))) |
         named("norm", layer_norm{}) | named("pool", mean_pool{});
}

}  // namespace ssl
