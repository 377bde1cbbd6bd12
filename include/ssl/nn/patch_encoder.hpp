#pragma once
// SPDX-License-Identifier: MIT

/// A small encoder for patches, and a family of it by name.

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/linear.hpp"
#include "ssl/nn/pool.hpp"

namespace ssl {

struct patch_encoder_options {
  std::vector<index> widths = {32, 64, 128, 128};  // output channels of each block
  double multiplier = 1;                           // of every width, rounded, at least 1
  index kernel = 3, stride = 2, padding = 1;
  index stem_stride = 2;  // of the first block
  index features = 0;     // of a last linear layer with batch norm and ReLU after the mean; 0: none
};

/// A small encoder for patches: blocks of convolution (stride 2), batch norm and ReLU, then the mean over
/// what pixels are left; the embedding has the last width. Four blocks take 16x16 patches to 1x1. 0.79
/// million multiply-adds for a patch of 3x16x16. `stem_stride = 1` looks at every pixel first, for four times
/// the arithmetic; `features` widens the embedding as EMP-SSL's `pre_feature` does (arXiv 2304.03977).
inline auto patch_encoder(const patch_encoder_options& options = {}) {
  using block = decltype(named("conv", conv2d{}) | named("bn", batch_norm{}));
  using widening = decltype(named("linear", linear{}) | named("bn", batch_norm{}));
  std::vector<block> blocks;
  for (const index width : options.widths) {
    const index scaled = std::lround(static_cast<double>(width) * options.multiplier);
    blocks.push_back(named("conv", conv2d{.out = scaled < 1 ? 1 : scaled,
                                          .kernel = options.kernel,
                                          .stride = blocks.empty() ? options.stem_stride : options.stride,
                                          .padding = options.padding}) |
                     named("bn", batch_norm{.relu = true}));
  }
  std::vector<widening> last;
  if (options.features > 0)
    last.push_back(named("linear", linear{.out = options.features}) | named("bn", batch_norm{.relu = true}));
  return named("blocks", stack<block>(std::move(blocks))) | named("pool", mean_pool{}) |
         named("features", stack<widening>(std::move(last)));
}

/// The family, for patches of 16 x 16 on a CPU, by name:
///
/// | name  | widths          | stem stride | features | parameters | multiply-adds of a 3x16x16 patch |
/// |-------|-----------------|-------------|----------|------------|----------------------------------|
/// | tiny  | 16 32 64 64     | 2           | 64       | 60,688     | 0.21 million                     |
/// | small | 32 64 128 128   | 2           | 128      | 241,184    | 0.79 million                     |
/// | base  | 64 128 256 256  | 2           | 256      | 961,600    | 3.06 million                     |
/// | large | 64 128 256 256  | 1           | 256      | 961,600    | 12.2 million                     |
///
/// Parameters are those that are trained. `small` is what `patch_encoder()` makes. Throws option_error.
inline patch_encoder_options patch_encoder_preset(std::string_view name) {
  if (name == "tiny") return {.widths = {16, 32, 64, 64}};
  if (name == "small") return {};
  if (name == "base") return {.widths = {64, 128, 256, 256}};
  if (name == "large") return {.widths = {64, 128, 256, 256}, .stem_stride = 1};
  throw option_error("ssl::patch_encoder_preset: the name is \"" + std::string(name) +
                     "\", expected tiny, small, base or large");
}

}  // namespace ssl
