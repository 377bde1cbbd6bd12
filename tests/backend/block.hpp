#pragma once
/// A matrix inside a larger one, so that ld > rows, and so that a write beside it shows.

#include <vector>

#include "support/backends.hpp"

namespace ssl::test {

/// The shapes that every verb must take: empty, single rows and columns, odd extents, more than one tile.
struct extent {
  index rows, cols;
};

template <class B>
class block {
 public:
  static constexpr index before = 1, beside = 3;  // rows and columns around the block
  static constexpr double guard = 77;

  block(B& be, index rows, index cols, const std::vector<double>& values)
      : rows_(rows), cols_(cols), all_(be, rows + beside, cols + 2 * before) {
    std::vector<double> around(static_cast<std::size_t>((rows + beside) * (cols + 2 * before)), guard);
    for (index j = 0; j < cols; ++j)
      for (index i = 0; i < rows; ++i) around[at(i, j)] = values[static_cast<std::size_t>(i + j * rows)];
    all_.set(around);
  }

  view<B> operator()() const {
    return {all_().data + before + before * (rows_ + beside), rows_, cols_, rows_ + beside};
  }
  cview<B> read() const { return (*this)(); }

  std::vector<double> get() const {
    const auto around = all_.get();
    std::vector<double> values(static_cast<std::size_t>(rows_ * cols_));
    for (index j = 0; j < cols_; ++j)
      for (index i = 0; i < rows_; ++i) values[static_cast<std::size_t>(i + j * rows_)] = around[at(i, j)];
    return values;
  }

  /// Whether everything around the block is as it was.
  bool intact() const {
    auto around = all_.get();
    for (index j = 0; j < cols_; ++j)
      for (index i = 0; i < rows_; ++i) around[at(i, j)] = guard;
    for (double x : around)
      if (x != guard) return false;
    return true;
  }

 private:
  std::size_t at(index i, index j) const {
    return static_cast<std::size_t>(before + i + (before + j) * (rows_ + beside));
  }

  index rows_, cols_;
  matrix<B> all_;
};

/// An owned matrix of doubles in a backend's memory.
template <class B>
class doubles {
 public:
  doubles(B& be, index rows, index cols, const std::vector<double>& values)
      : be_(&be), rows_(rows), cols_(cols), buffer_(be.template allocate<double>(rows * cols)) {
    host_ = values;
    be.upload(matrix_view<const double, host_space>{host_.data(), rows, cols, rows}, (*this)());
    be.wait();
  }

  accumulator_view<B> operator()() const { return {buffer_.all().data, rows_, cols_, rows_}; }
  matrix_view<const double, typename B::space> read() const { return (*this)(); }

  std::vector<double> get() const {
    std::vector<double> host(static_cast<std::size_t>(rows_ * cols_));
    be_->download(read(), matrix_view<double, host_space>{host.data(), rows_, cols_, rows_});
    be_->wait();
    return host;
  }

 private:
  B* be_;
  index rows_, cols_;
  std::vector<double> host_;
  decltype(std::declval<B&>().template allocate<double>(index{})) buffer_;
};

/// The values as the backend's scalar holds them.
template <class B>
std::vector<double> rounded(std::vector<double> values) {
  for (double& x : values) x = static_cast<double>(static_cast<typename B::scalar>(x));
  return values;
}

inline std::size_t at(index i, index j, index rows) { return static_cast<std::size_t>(i + j * rows); }

}  // namespace ssl::test
