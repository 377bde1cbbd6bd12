#pragma once
// SPDX-License-Identifier: MIT

/// How often two kinds of patches occur in one image: the joint law of a pair, and counts that estimate it.
///
///     ratio(i, j) = p(i, j) / (p(i) p(j)),   p(i) = sum_j p(i, j)
///
/// The ratio is what contrastive and covariance losses on patches factor (arXiv 2206.08954), the exponential
/// of the pointwise mutual information that word embeddings factor; eval/cooccurrence.hpp has its optimal
/// factors.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

/// A symmetric joint law p(i, j) of two patches over K types. On the host, in double.
class joint_law {
 public:
  /// `table` (K, K), column-major, of any positive scale: divided by its sum. option_error where an entry is
  /// negative or not finite, all are zero, or the table differs from its transpose by more than 1e-9 of its
  /// largest entry; shape_error where it does not hold K * K numbers.
  joint_law(index types, std::vector<double> table) : types_(types), p_(std::move(table)) {
    if (types < 1 || p_.size() != static_cast<std::size_t>(types * types))
      throw shape_error("ssl::joint_law: the table has " + std::to_string(p_.size()) + " numbers for " +
                        std::to_string(types) + " types, expected types * types >= 1");
    double sum = 0, largest = 0;
    for (const double p : p_) {
      if (!is_finite(p) || p < 0)
        throw option_error("ssl::joint_law: the table holds " + std::to_string(p) +
                           ", expected finite numbers of at least 0");
      sum += p;
      largest = p > largest ? p : largest;
    }
    if (!(sum > 0)) throw option_error("ssl::joint_law: the table is 0 everywhere, expected a positive sum");
    for (index j = 0; j < types; ++j)
      for (index i = 0; i < j; ++i) {
        double &a = p_[at(i, j)], &b = p_[at(j, i)];
        if (std::abs(a - b) > 1e-9 * largest)
          throw option_error("ssl::joint_law: entry (" + std::to_string(i) + ", " + std::to_string(j) +
                             ") is " + std::to_string(a) + ", its mirror is " + std::to_string(b) +
                             "; the law of a pair must be symmetric");
        a = b = 0.5 * (a + b);
      }
    marginal_.assign(static_cast<std::size_t>(types), 0.0);
    for (index j = 0; j < types; ++j)
      for (index i = 0; i < types; ++i) {
        p_[at(i, j)] /= sum;
        marginal_[static_cast<std::size_t>(i)] += p_[at(i, j)];
      }
  }

  index types() const { return types_; }
  double operator()(index i, index j) const { return p_[at(i, j)]; }
  double marginal(index i) const { return marginal_[static_cast<std::size_t>(i)]; }

  /// p(i, j) / (p(i) p(j)); 0 where a type never occurs.
  double ratio(index i, index j) const {
    const double expected = marginal(i) * marginal(j);
    return expected > 0 ? (*this)(i, j) / expected : 0.0;
  }

  std::span<const double> table() const { return p_; }             // (K, K)
  std::span<const double> marginals() const { return marginal_; }  // (K)

  /// All ratios (K, K).
  std::vector<double> ratios() const {
    std::vector<double> out(p_.size());
    for (index j = 0; j < types_; ++j)
      for (index i = 0; i < types_; ++i) out[at(i, j)] = ratio(i, j);
    return out;
  }

 private:
  std::size_t at(index i, index j) const { return static_cast<std::size_t>(j * types_ + i); }

  index types_;
  std::vector<double> p_;         // (K, K)
  std::vector<double> marginal_;  // (K)
};

/// Counts of ordered pairs of patches that share an image; both orders of a pair count.
class pair_counts {
 public:
  explicit pair_counts(index types)
      : types_(types), count_(static_cast<std::size_t>(types > 0 ? types * types : 0)) {
    if (types < 1)
      throw option_error("ssl::pair_counts: there are " + std::to_string(types) +
                         " types, expected at least 1");
  }

  index types() const { return types_; }

  /// One pair: two ordered ones. Types lie in [0, K).
  void add(index a, index b) {
    ++count_[at(a, b)];
    ++count_[at(b, a)];
    total_ += 2;
  }

  /// All pairs of different places of one image, whose patches are of these types. O(m^2).
  template <class Int>
  void add_image(std::span<const Int> patches) {
    for (std::size_t a = 0; a < patches.size(); ++a)
      for (std::size_t b = a + 1; b < patches.size(); ++b)
        add(static_cast<index>(patches[a]), static_cast<index>(patches[b]));
  }

  std::int64_t operator()(index a, index b) const { return count_[at(a, b)]; }
  std::int64_t total() const { return total_; }  // ordered pairs

  /// The counts as a law. option_error where nothing was counted.
  joint_law law() const { return {types_, {count_.begin(), count_.end()}}; }

 private:
  std::size_t at(index i, index j) const { return static_cast<std::size_t>(j * types_ + i); }

  index types_;
  std::vector<std::int64_t> count_;  // (K, K)
  std::int64_t total_ = 0;
};

}  // namespace ssl
