#pragma once
// SPDX-License-Identifier: MIT

/// An encoder that sees exactly one patch, wherever the patch lies: convolutions without padding. Applied to
/// a patch it makes one embedding; applied to an image, one at every place of a grid, for a part of the cost
/// of encoding the patches one by one (eval/dense_patches.hpp). After BagNet (Brendel and Bethge, arXiv
/// 1904.00760), whose receptive fields are limited in the same way.

#include <cmath>
#include <string>
#include <vector>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/mean_window.hpp"
#include "ssl/nn/receptive_field.hpp"

namespace ssl {

/// One block: convolution without padding, batch norm, ReLU. A kernel of 1 mixes channels only.
struct bag_block {
  index width = 64;  // output channels
  index kernel = 3, stride = 1;
};

struct bag_encoder_options {
  index patch = 16;  // side of a patch, which is what one embedding sees
  std::vector<bag_block> blocks = {{32, 4, 2}, {64}, {128}, {128}};
  double multiplier = 1;  // of every width, rounded, at least 1
};

/// {patch, stride}: what an embedding sees, and how far apart the grid's places are. Where the blocks see
/// less than the patch, the last map's pixels within the patch are averaged. Throws option_error, in a
/// sentence, where the options do not fit: a patch must be what the blocks see plus a whole number of their
/// strides.
inline receptive_field receptive_field_of(const bag_encoder_options& options) {
  receptive_field seen;
  for (const bag_block& b : options.blocks) {
    if (b.width < 1 || b.kernel < 1 || b.stride < 1)
      throw option_error("ssl::bag_encoder: a block has width " + std::to_string(b.width) + ", kernel " +
                         std::to_string(b.kernel) + ", stride " + std::to_string(b.stride) +
                         "; all must be positive");
    if (b.stride > b.kernel && &b != &options.blocks.back())
      throw option_error(
          "ssl::bag_encoder: a block has stride " + std::to_string(b.stride) + " and kernel " +
          std::to_string(b.kernel) +
          ", so that it leaves pixels out; the stride must be at most the kernel in all blocks but the last");
    seen = seen.then({b.kernel, b.stride});
  }
  if (options.blocks.empty() || options.patch < seen.side || (options.patch - seen.side) % seen.stride != 0)
    throw option_error("ssl::bag_encoder: " + std::to_string(options.blocks.size()) + " blocks see " +
                       std::to_string(seen.side) + " pixels, " + std::to_string(seen.stride) +
                       " apart, and the patch has a side of " + std::to_string(options.patch) +
                       "; expected at least one block and a patch of " + std::to_string(seen.side) + ", " +
                       std::to_string(seen.side + seen.stride) + ", " +
                       std::to_string(seen.side + 2 * seen.stride) + ", ... pixels");
  return {options.patch, seen.stride};
}

/// Blocks, then the mean over what pixels of a patch are left. The embedding has the last width. With its
/// defaults a patch of 3 x 16 x 16 goes 7 x 7, 5 x 5, 3 x 3, 1 x 1 in 1.3 million multiply-adds, with as many
/// weights as patch_encoder; the grid's stride is 2. The last block's stride changes nothing but the grid.
inline auto bag_encoder(const bag_encoder_options& options = {}) {
  const receptive_field field = receptive_field_of(options);
  using block = decltype(named("conv", conv2d{}) | named("bn", batch_norm{}));
  std::vector<block> blocks;
  receptive_field seen;
  for (const bag_block& b : options.blocks) {
    const index scaled = std::lround(static_cast<double>(b.width) * options.multiplier);
    blocks.push_back(
        named("conv",
              conv2d{.out = scaled < 1 ? 1 : scaled, .kernel = b.kernel, .stride = b.stride, .padding = 0}) |
        named("bn", batch_norm{.relu = true}));
    seen = seen.then({b.kernel, b.stride});
  }
  return named("blocks", stack<block>(std::move(blocks))) |
         named("pool", mean_window{.kernel = seen.positions(field.side)});
}

}  // namespace ssl
