#pragma once
// SPDX-License-Identifier: MIT

/// The table of a flat block of parameters: which slice is what, how it starts, and how it may be trained.
/// Layers write it, optimizers and files read it.

#include <string>
#include <vector>

#include "ssl/core/config.hpp"

namespace ssl {

enum class role {
  matrix,  // weights: decayed and adapted
  vector,  // biases and normalisation parameters: usually neither
  buffer,  // running statistics: not trained at all
};

/// How a segment's values start: every entry drawn alike, or one constant.
struct initialiser {
  enum class kind { constant, uniform, normal };
  kind how = kind::constant;
  double value = 0;  // the constant; uniform on [-value, value]; or the standard deviation

  static initialiser constant(double c) { return {kind::constant, c}; }
  static initialiser uniform(double bound) { return {kind::uniform, bound}; }
  static initialiser normal(double deviation) { return {kind::normal, deviation}; }
};

/// Which axes a weight's rows and columns stand for: what a program that keeps them apart needs to read it.
struct weight_axes {
  enum class kind {
    plain,       // (outputs, inputs)
    kernel,      // (outputs, height * width * channels): channels within pixels of a convolution's kernel
    map,         // the same of a whole map that a linear layer reads as one column
    transposed,  // (inputs, outputs)
  };
  kind how = kind::plain;
  index height = 1, width = 1;  // of the kernel or the map

  static constexpr weight_axes kernel(index height, index width) { return {kind::kernel, height, width}; }
  static constexpr weight_axes map(index height, index width) { return {kind::map, height, width}; }
  static constexpr weight_axes transposed() { return {kind::transposed}; }
  constexpr index pixels() const { return height * width; }
};

/// `rows * cols` scalars, column-major, at `offset` in the block.
struct segment {
  std::string name;
  index rows = 0, cols = 0;
  role kind = role::matrix;
  initialiser start;
  index offset = 0;
  weight_axes axes{};

  index size() const { return rows * cols; }
};

/// Scalars in a table.
inline index total_size(const std::vector<segment>& table) {
  index sum = 0;
  for (const segment& s : table) sum += s.size();
  return sum;
}

}  // namespace ssl
