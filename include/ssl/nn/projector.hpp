#pragma once
// SPDX-License-Identifier: MIT

/// Heads behind an encoder: fully connected layers, with and without batch norm.

#include <utility>
#include <vector>

#include "ssl/nn/activation.hpp"
#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/linear.hpp"

namespace ssl {

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
