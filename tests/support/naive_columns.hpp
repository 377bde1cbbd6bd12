#pragma once
/// Changes of columns as their definitions read, for the oracles of losses on changed columns.

#include "support/naive_loss.hpp"

namespace ssl::test::naive {

/// Every feature over the samples of a view (or of all views) at mean 0 and variance 1.
template <class S>
embeddings<S> standardized(embeddings<S> e, double epsilon = 1e-5, bool unbiased = false, bool in_root = true,
                           bool joint = false) {
  const batch_shape shape = e.shape;
  if (joint) e.shape = {shape.features, shape.columns(), 1};
  const double n = static_cast<double>(e.shape.samples);
  for (index v = 0; v < e.shape.views; ++v)
    for (index i = 0; i < e.shape.features; ++i) {
      S mean{}, variance{};
      for (index j = 0; j < e.shape.samples; ++j) mean += e(v, i, j) / n;
      for (index j = 0; j < e.shape.samples; ++j)
        variance += (e(v, i, j) - mean) * (e(v, i, j) - mean) / (unbiased ? n - 1 : n);
      const S scale = in_root ? std::sqrt(variance + epsilon) : std::sqrt(variance) + epsilon;
      for (index j = 0; j < e.shape.samples; ++j) e(v, i, j) = (e(v, i, j) - mean) / scale;
    }
  e.shape = shape;
  return e;
}

/// Mean of pair(v, w) over the pairs of views v < w.
template <class S, class Pair>
S over_pairs(index views, const Pair& pair) {
  S sum{};
  double pairs = 0;
  for (index v = 0; v < views; ++v)
    for (index w = v + 1; w < views; ++w, ++pairs) sum += pair(v, w);
  return sum / pairs;
}

/// sum_j z_v(i, j) z_w(k, j).
template <class S>
S over_samples(const embeddings<S>& e, index v, index i, index w, index k) {
  S sum{};
  for (index j = 0; j < e.shape.samples; ++j) sum += e(v, i, j) * e(w, k, j);
  return sum;
}

/// sum_i z_v(i, j) z_w(i, k).
template <class S>
S over_features(const embeddings<S>& e, index v, index j, index w, index k) {
  S sum{};
  for (index i = 0; i < e.shape.features; ++i) sum += e(v, i, j) * e(w, i, k);
  return sum;
}

}  // namespace ssl::test::naive
