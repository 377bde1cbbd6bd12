#pragma once
/// Whole networks as values.

#include <cmath>
#include <vector>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/linear.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/residual.hpp"

namespace ssl {

struct patch_encoder_options {
  std::vector<index> widths = {32, 64, 128, 128};  // output channels of each block
  double multiplier = 1;                           // of every width, rounded, at least 1
  index kernel = 3, stride = 2, padding = 1;
  index stem_stride = 2;  // of the first block
  index features = 0;     // of a last linear layer with batch norm and ReLU after the mean; 0: none
};

/// A small encoder for patches: blocks of convolution (stride 2), batch norm and ReLU, then the mean over
/// what pixels are left; the embedding has the last width. Four blocks take 16x16 patches to 1x1. 1.6 million
/// multiply-adds for a patch of 3x16x16. `stem_stride = 1` looks at every pixel first, for four times the
/// arithmetic; `features` widens the embedding as EMP-SSL's `pre_feature` does (arXiv 2304.03977).
inline auto patch_encoder(const patch_encoder_options& options = {}) {
  using block = decltype(named("conv", conv2d{}) | named("bn", batch_norm{}));
  using widening = decltype(named("linear", linear{}) | named("bn", batch_norm{}));
  std::vector<block> blocks;
  for (const index width : options.widths) {
    const auto scaled = static_cast<index>(std::lround(static_cast<double>(width) * options.multiplier));
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

struct resnet_options {
  std::vector<index> widths = {64, 128, 256, 512};  // of the stages; all but the first halve the pixels
  index blocks = 2;                                 // a stage
  bool zero_residual = false;  // the last batch norm of each block starts at 0: blocks start as the identity
};

/// A residual network of basic blocks for small images: 3x3 stem, no max pool, global mean. With its defaults
/// the CIFAR ResNet-18, 11.2 million parameters, 512 features. Names and starts as torchvision's, but weights
/// lie as conv_geometry says. (He et al., arXiv 1512.03385)
inline auto resnet18_cifar(const resnet_options& options = {}) {
  const auto conv = [](index out, index kernel, index stride) {
    return conv2d{.out = out,
                  .kernel = kernel,
                  .stride = stride,
                  .padding = kernel / 2,
                  .start = conv_start::he_fan_out};
  };
  const auto basic = [&](index in, index width, index stride) {
    auto body = named("conv1", conv(width, 3, stride)) | named("bn1", batch_norm{.relu = true}) |
                named("conv2", conv(width, 3, 1)) |
                named("bn2", batch_norm{.weight = options.zero_residual ? 0.0 : 1.0});
    auto block = residual(std::move(body), conv(width, 1, stride) | batch_norm{}, {.relu = true});
    if (in == width && stride == 1) block.shortcut.reset();
    return block;
  };
  using block = decltype(basic(1, 1, 1));
  static constexpr const char* names[] = {"layer1", "layer2", "layer3", "layer4",
                                          "layer5", "layer6", "layer7", "layer8"};
  if (options.widths.empty() || options.widths.size() > std::size(names) || options.blocks < 1)
    throw option_error("ssl::resnet18_cifar: " + std::to_string(options.widths.size()) + " stages of " +
                       std::to_string(options.blocks) + " blocks, expected 1 to 8 stages of at least 1");
  std::vector<named_layer<stack<block>>> stages;
  index in = options.widths.front();
  for (std::size_t s = 0; s < options.widths.size(); ++s) {
    std::vector<block> blocks;
    for (index k = 0; k < options.blocks; ++k) {
      blocks.push_back(basic(in, options.widths[s], s > 0 && k == 0 ? 2 : 1));
      in = options.widths[s];
    }
    stages.push_back(named(names[s], stack<block>(std::move(blocks))));
  }
  return named("conv1", conv(options.widths.front(), 3, 1)) | named("bn1", batch_norm{.relu = true}) |
         named("", stack<named_layer<stack<block>>>(std::move(stages))) | named("pool", mean_pool{});
}

struct projector_options {
  bool hidden_bias = true;  // of the linear layers before a batch norm
  bool last_bias = false;
};

/// Linear, batch norm, ReLU for every width but the last, then a linear layer: projector({8192, 8192, 8192})
/// is VICReg's (arXiv 2105.04906), with its biases: in the hidden layers, not in the last.
inline auto projector(const std::vector<index>& widths, projector_options options = {}) {
  if (widths.empty()) throw option_error("ssl::projector: there are no widths, expected at least one");
  using block = decltype(named("linear", linear{}) | named("bn", batch_norm{}));
  std::vector<block> hidden;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k)
    hidden.push_back(named("linear", linear{.out = widths[k], .bias = options.hidden_bias}) |
                     named("bn", batch_norm{.relu = true}));
  return named("hidden", stack<block>(std::move(hidden))) |
         named("last", linear{.out = widths.back(), .bias = options.last_bias});
}

/// Linear, ReLU for every width but the last, then a linear layer: a head without batch norm (MoCo v2, arXiv
/// 2003.04297).
inline auto plain_projector(const std::vector<index>& widths) {
  if (widths.empty()) throw option_error("ssl::plain_projector: there are no widths, expected at least one");
  using block = decltype(named("linear", linear{}) | named("relu", relu{}));
  std::vector<block> hidden;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k)
    hidden.push_back(named("linear", linear{.out = widths[k]}) | named("relu", relu{}));
  return named("hidden", stack<block>(std::move(hidden))) | named("last", linear{.out = widths.back()});
}

}  // namespace ssl
