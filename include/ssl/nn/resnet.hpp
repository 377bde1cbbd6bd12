#pragma once
// SPDX-License-Identifier: MIT

/// Residual networks as torchvision builds them (He et al., arXiv 1512.03385).
///
/// |                 |                     |          | trained    | multiply-adds, 10^9 an image |
/// | network         | blocks              | features | parameters | 3x224x224 | 3x32x32, CIFAR   |
/// |-----------------|---------------------|----------|------------|-----------|------------------|
/// | resnet18        | basic 2 2 2 2       | 512      | 11,176,512 | 1.81      | 0.56             |
/// | resnet34        | basic 3 4 6 3       | 512      | 21,284,672 | 3.66      | 1.16             |
/// | resnet50        | bottleneck 3 4 6 3  | 2048     | 23,508,032 | 4.09      | 1.30             |
/// | resnet101       | bottleneck 3 4 23 3 | 2048     | 42,500,160 | 7.80      | 2.51             |
/// | wide_resnet50_2 | bottleneck 3 4 6 3  | 2048     | 66,834,240 | 11.4      | 3.68             |
///
/// The stem for CIFAR has 7,680 parameters fewer. Wide: twice the inner width (arXiv 1605.07146).
///
/// Names, order and starts of the parameters are torchvision's ("layer2.0.downsample.0.weight"), its
/// layout is one function away (torch_layout.hpp, train/torch_weights.hpp). The classifier (`fc`) is absent:
/// the result is the mean over what pixels are left. All networks of one stem are one type: a program
/// compiles one of them.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/residual.hpp"

namespace ssl {

enum class resnet_stem {
  cifar,     // 3x3 convolution, stride 1: for images of some 32 pixels
  imagenet,  // 7x7 convolution, stride 2, then 3x3 maximum, stride 2: the first stage sees a quarter each way
};

enum class resnet_block {
  basic,       // 3x3, 3x3
  bottleneck,  // 1x1, 3x3 (which has the stride), 1x1 to four times the width
};

/// Blocks of each stage: one number for all, a number for each, or, without any, what the network's name
/// says.
class stage_blocks {
 public:
  stage_blocks() = default;
  stage_blocks(index each) : counts_{each} {}
  stage_blocks(std::initializer_list<index> counts) : counts_(counts) {}

  bool given() const { return !counts_.empty(); }
  bool fits(std::size_t stages) const { return counts_.size() == 1 || counts_.size() >= stages; }
  index operator[](std::size_t stage) const { return counts_[counts_.size() == 1 ? 0 : stage]; }

 private:
  std::vector<index> counts_;
};

struct resnet_options {
  std::vector<index> widths = {64, 128, 256, 512};  // of the stages; all but the first halve the pixels
  stage_blocks blocks{};                            // of a shorter network the first stages
  index width_per_group = 64;  // bottleneck blocks: 128 doubles their inner width, as torchvision's wide ones
  bool zero_residual = false;  // the last batch norm of each block starts at 0: blocks start as the identity
};

namespace detail {

inline conv2d resnet_conv(index out, index kernel, index stride) {
  return {
      .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .start = conv_start::he_fan_out};
}

/// Convolution and batch norm under these names: of one type, whatever they are.
inline auto resnet_unit(const char* conv_name, conv2d conv, const char* norm_name, batch_norm norm) {
  return named("", named(conv_name, conv) | named(norm_name, norm));
}

inline auto make_resnet_block(resnet_block kind, index in, index width, index stride,
                              const resnet_options& options) {
  using unit = decltype(resnet_unit("", {}, "", {}));
  const batch_norm inner{.relu = true}, last{.weight = options.zero_residual ? 0.0 : 1.0};
  std::vector<unit> body;
  index out = width;
  if (kind == resnet_block::basic) {
    body.push_back(resnet_unit("conv1", resnet_conv(width, 3, stride), "bn1", inner));
    body.push_back(resnet_unit("conv2", resnet_conv(width, 3, 1), "bn2", last));
  } else {
    const index narrow = width * options.width_per_group / 64;
    out = 4 * width;
    body.push_back(resnet_unit("conv1", resnet_conv(narrow, 1, 1), "bn1", inner));
    body.push_back(resnet_unit("conv2", resnet_conv(narrow, 3, stride), "bn2", inner));
    body.push_back(resnet_unit("conv3", resnet_conv(out, 1, 1), "bn3", last));
  }
  auto block =
      residual(stack<unit>(std::move(body)), resnet_conv(out, 1, stride) | batch_norm{}, {.relu = true});
  if (in == out && stride == 1) block.shortcut.reset();
  return block;
}

inline void check_resnet(resnet_block kind, const resnet_options& o, std::size_t most) {
  const auto refuse = [](const std::string& what) { throw option_error("ssl::resnet: " + what); };
  const std::size_t stages = o.widths.size();
  if (stages < 1 || stages > most)
    refuse("there are " + std::to_string(stages) + " widths of stages, expected 1 to " +
           std::to_string(most));
  if (!o.blocks.given() || !o.blocks.fits(stages))
    refuse("there are " + std::to_string(stages) +
           " stages, expected the number of blocks of each, or one number for all");
  for (std::size_t s = 0; s < stages; ++s)
    if (o.widths[s] < 1 || o.blocks[s] < 1)
      refuse("stage " + std::to_string(s + 1) + " has " + std::to_string(o.blocks[s]) + " blocks of width " +
             std::to_string(o.widths[s]) + ", both must be positive");
  if (kind == resnet_block::basic && o.width_per_group != 64)
    refuse("width_per_group is " + std::to_string(o.width_per_group) +
           ", expected 64: only bottleneck blocks have an inner width");
  for (const index width : o.widths)
    if (width * o.width_per_group < 64)
      refuse("width_per_group is " + std::to_string(o.width_per_group) + ", which leaves stages of width " +
             std::to_string(width) + " no inner channel");
}

/// The options with a name's blocks where none are given.
inline resnet_options with_blocks(resnet_options options, std::initializer_list<index> counts) {
  if (!options.blocks.given()) options.blocks = counts;
  return options;
}

}  // namespace detail

/// A residual network of that stem and block: maps (3, pixels n) become embeddings (widths.back(), n), four
/// times as many features with bottleneck blocks. `options.blocks` must be given.
template <resnet_stem Stem>
auto resnet(resnet_block kind, const resnet_options& options) {
  static constexpr const char* names[] = {"layer1", "layer2", "layer3", "layer4",
                                          "layer5", "layer6", "layer7", "layer8"};
  detail::check_resnet(kind, options, std::size(names));
  using block = decltype(detail::make_resnet_block(kind, 1, 1, 1, options));
  using stage = named_layer<stack<block>>;
  std::vector<stage> stages;
  const index first = options.widths.front();
  index in = first;
  for (std::size_t s = 0; s < options.widths.size(); ++s) {
    std::vector<block> blocks;
    for (index k = 0; k < options.blocks[s]; ++k) {
      blocks.push_back(
          detail::make_resnet_block(kind, in, options.widths[s], s > 0 && k == 0 ? 2 : 1, options));
      in = (kind == resnet_block::basic ? 1 : 4) * options.widths[s];
    }
    stages.push_back(named(names[s], stack<block>(std::move(blocks))));
  }
  const batch_norm norm{.relu = true};
  auto body = named("", stack<stage>(std::move(stages))) | named("avgpool", mean_pool{});
  if constexpr (Stem == resnet_stem::imagenet)
    return named("conv1",
                 conv2d{
                     .out = first, .kernel = 7, .stride = 2, .padding = 3, .start = conv_start::he_fan_out}) |
           named("bn1", norm) | named("maxpool", max_pool{.kernel = 3, .stride = 2, .padding = 1}) |
           std::move(body);
  else
    return named("conv1", detail::resnet_conv(first, 3, 1)) | named("bn1", norm) | std::move(body);
}

/// By name; without a template argument with the stem for ImageNet, as torchvision's.
template <resnet_stem Stem = resnet_stem::imagenet>
auto resnet18(const resnet_options& options = {}) {
  return resnet<Stem>(resnet_block::basic, detail::with_blocks(options, {2, 2, 2, 2}));
}
template <resnet_stem Stem = resnet_stem::imagenet>
auto resnet34(const resnet_options& options = {}) {
  return resnet<Stem>(resnet_block::basic, detail::with_blocks(options, {3, 4, 6, 3}));
}
template <resnet_stem Stem = resnet_stem::imagenet>
auto resnet50(const resnet_options& options = {}) {
  return resnet<Stem>(resnet_block::bottleneck, detail::with_blocks(options, {3, 4, 6, 3}));
}
template <resnet_stem Stem = resnet_stem::imagenet>
auto resnet101(const resnet_options& options = {}) {
  return resnet<Stem>(resnet_block::bottleneck, detail::with_blocks(options, {3, 4, 23, 3}));
}
template <resnet_stem Stem = resnet_stem::imagenet>
auto wide_resnet50_2(resnet_options options = {}) {
  options.width_per_group *= 2;
  return resnet50<Stem>(options);
}

/// The same with the stem for small images.
inline auto resnet18_cifar(const resnet_options& options = {}) {
  return resnet18<resnet_stem::cifar>(options);
}
inline auto resnet34_cifar(const resnet_options& options = {}) {
  return resnet34<resnet_stem::cifar>(options);
}
inline auto resnet50_cifar(const resnet_options& options = {}) {
  return resnet50<resnet_stem::cifar>(options);
}

}  // namespace ssl
