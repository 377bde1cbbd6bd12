#include "support/patch_cosines.hpp"

#include <cmath>

#include "ssl/core/error.hpp"

namespace ssl_example {

namespace {

using vec = std::vector<double>;

double dot(const vec& a, const vec& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// 0 where one of them is 0.
double cosine(const vec& a, const vec& b) {
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

/// Columns of `size` numbers less their mean where they are to be centred.
class columns {
 public:
  columns(std::span<const float> values, index size, bool centred)
      : values_(values), size_(static_cast<std::size_t>(size)), mean_(size_) {
    const std::size_t count = values.size() / size_;
    if (!centred) return;
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < size_; ++i) mean_[i] += values[j * size_ + i];
    for (double& m : mean_) m /= static_cast<double>(count);
  }

  /// sum += column j.
  void add_to(vec& sum, index j) const {
    const float* const x = values_.data() + static_cast<std::size_t>(j) * size_;
    for (std::size_t i = 0; i < size_; ++i) sum[i] += x[i] - mean_[i];
  }
  vec operator()(index j) const {
    vec x(size_);
    add_to(x, j);
    return x;
  }
  /// Sum of columns [first, last).
  vec sum(index first, index last) const {
    vec x(size_);
    for (index j = first; j < last; ++j) add_to(x, j);
    return x;
  }

 private:
  std::span<const float> values_;
  std::size_t size_;
  vec mean_;
};

void check(const patch_embeddings& of) {
  if (of.patches < 2 || of.images < 2 ||
      of.size * of.patches * of.images != static_cast<index>(of.values.size()))
    throw ssl::shape_error("cosines of patches: " + std::to_string(of.patches) + " patches of " +
                           std::to_string(of.images) + " images, expected two or more of each");
}

}  // namespace

bag_law law_of_bags(const patch_embeddings& of, std::span<const float> whole, std::span<const index> sizes,
                    bool centred) {
  check(of);
  const columns patch(of.values, of.size, centred), image(whole, of.size, centred);
  const auto n = static_cast<double>(of.images), count = static_cast<double>(of.patches);
  bag_law law;
  for (const index size : sizes) law.bags.push_back({.patches = size});

  double signal = 0, noise = 0;
  for (index i = 0; i < of.images; ++i) {
    const vec own = image(i), other = image((i + 1) % of.images);
    vec bag(own.size()), many(own.size());
    double squares = 0;
    index done = 0;
    const auto grow = [&](index to) {
      for (; done < to; ++done) {
        const vec x = patch(i * of.patches + done);
        squares += dot(x, x);
        for (std::size_t k = 0; k < x.size(); ++k) bag[k] += x[k];
        // Patch number `done` of the image that comes `done + 1` later, never of this one.
        patch.add_to(many, (i + 1 + done % (of.images - 1)) % of.images * of.patches + done);
      }
    };
    for (growing_bag& b : law.bags) {
      grow(b.patches);
      b.own += cosine(bag, own) / n;
      b.other += cosine(bag, other) / n;
      b.many += cosine(many, own) / n;
    }
    grow(of.patches);
    // Unbiased: the mean's square holds the noise of the patches it is made of.
    const double of_mean = dot(bag, bag) / (count * count),
                 within = (squares - count * of_mean) / (count - 1);
    signal += (of_mean - within / count) / n;
    noise += within / n;
  }

  law.noise = noise / signal;
  double product = 0, square = 0;
  for (growing_bag& b : law.bags) {
    b.model = 1 / std::sqrt(1 + law.noise / static_cast<double>(b.patches));
    product += b.own * b.model;
    square += b.model * b.model;
  }
  law.limit = product / square;
  for (growing_bag& b : law.bags) {
    b.model *= law.limit;
    law.residual += (b.own - b.model) * (b.own - b.model) / static_cast<double>(law.bags.size());
  }
  law.residual = std::sqrt(law.residual);
  return law;
}

patch_cosines cosines_of_patches(const patch_embeddings& clean, const patch_embeddings& altered,
                                 bool centred) {
  check(clean);
  check(altered);
  const columns a(clean.values, clean.size, centred), b(altered.values, altered.size, centred);
  const index patches = clean.patches, half = patches / 2;
  const auto n = static_cast<double>(clean.images), pairs = n * static_cast<double>(half);
  patch_cosines mean;
  for (index i = 0; i < clean.images; ++i) {
    const index first = i * patches, next = (i + 1) % clean.images * patches;
    for (index v = 0; v < half; ++v) {
      const vec x = a(first + v);
      mean.patch_same += cosine(x, a(first + half + v)) / pairs;
      mean.patch_different += cosine(x, a(next + half + v)) / pairs;
      mean.patch_altered += cosine(x, b(first + v)) / pairs;
    }
    const vec low = a.sum(first, first + half);
    mean.bag_same += cosine(low, a.sum(first + half, first + 2 * half)) / n;
    mean.bag_different += cosine(low, a.sum(next + half, next + 2 * half)) / n;
    mean.bag_altered += cosine(a.sum(first, first + patches), b.sum(first, first + patches)) / n;
  }
  return mean;
}

}  // namespace ssl_example
