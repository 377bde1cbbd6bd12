#pragma once
/// The losses on pairwise similarities as their definitions read; see naive_loss.hpp.

#include <functional>

#include "ssl/loss/contrast.hpp"
#include "support/naive_loss.hpp"

namespace ssl::test::naive {

/// log sum exp of numbers.
template <class S>
S log_sum_exp(const std::vector<S>& x) {
  double top = -1e300;
  for (const S& entry : x) top = std::max(top, real_of(entry));
  S sum{};
  for (const S& entry : x) sum += std::exp(entry - top);
  return top + std::log(sum);
}

template <class S>
S cosine(const embeddings<S>& unit_columns, index v, index i, index w, index j) {
  S sum{};
  for (index k = 0; k < unit_columns.shape.features; ++k)
    sum += unit_columns(v, k, i) * unit_columns(w, k, j);
  return sum;
}

/// Two views of a batch.
template <class S>
embeddings<S> pair_of_views(const embeddings<S>& e, index v, index w) {
  embeddings<S> out{{}, {e.shape.features, e.shape.samples, 2}};
  for (const index view : {v, w})
    for (index j = 0; j < e.shape.samples; ++j)
      for (index i = 0; i < e.shape.features; ++i) out.z.push_back(e(view, i, j));
  return out;
}

/// The mean over pairs of views of a loss of two views.
template <class S, class Loss>
S mean_over_pairs(const embeddings<S>& e, const Loss& loss) {
  S sum{};
  double pairs = 0;
  for (index v = 0; v < e.shape.views; ++v)
    for (index w = v + 1; w < e.shape.views; ++w, ++pairs) sum += loss(pair_of_views(e, v, w));
  return sum / pairs;
}

/// All views at once.
template <class S>
S nt_xent(const embeddings<S>& z, double temperature, bool sum_inside = false) {
  const embeddings<S> e = unit(z);
  const index views = e.shape.views, n = e.shape.samples;
  S total{};
  for (index v = 0; v < views; ++v)
    for (index j = 0; j < n; ++j) {
      std::vector<S> all, positive;
      for (index w = 0; w < views; ++w)
        for (index i = 0; i < n; ++i) {
          if (v == w && i == j) continue;
          all.push_back(cosine(e, v, j, w, i) / temperature);
          if (i == j) positive.push_back(all.back());
        }
      S mean{};
      for (const S& s : positive) mean += s / static_cast<double>(positive.size());
      total += log_sum_exp(all) - (sum_inside ? log_sum_exp(positive) : mean);
    }
  return total / static_cast<double>(views * n);
}

enum class dcl_weights { none, attached, detached };

/// Two views; `sigma` of the weights. Detached weights are those of `constants`.
template <class S>
S decoupled(const embeddings<S>& z, double temperature, dcl_weights weights, double sigma,
            const embeddings<double>& constants) {
  const embeddings<S> e = unit(z);
  const embeddings<double> c = unit(constants);
  const index n = e.shape.samples;
  const double count = static_cast<double>(n);
  std::vector<S> pairs;
  std::vector<double> constant_pairs;
  for (index i = 0; i < n; ++i) {
    pairs.push_back(cosine(e, 0, i, 1, i) / sigma);
    constant_pairs.push_back(cosine(c, 0, i, 1, i) / sigma);
  }
  S total{};
  for (index v = 0; v < 2; ++v)
    for (index i = 0; i < n; ++i) {
      S weight = 1.0;
      const auto at = static_cast<std::size_t>(i);
      if (weights == dcl_weights::attached) weight = 2.0 - count * std::exp(pairs[at] - log_sum_exp(pairs));
      if (weights == dcl_weights::detached)
        weight = 2.0 - count * std::exp(constant_pairs[at] - log_sum_exp(constant_pairs));
      std::vector<S> negatives;
      for (index w = 0; w < 2; ++w)
        for (index j = 0; j < n; ++j)
          if (j != i) negatives.push_back(cosine(e, v, i, w, j) / temperature);
      total += log_sum_exp(negatives) - weight * cosine(e, v, i, 1 - v, i) / temperature;
    }
  return total / (2 * count);
}

/// Unweighted, all views at once: every other sample's columns are negatives.
template <class S>
S decoupled_all_views(const embeddings<S>& z, double temperature) {
  const embeddings<S> e = unit(z);
  const index views = e.shape.views, n = e.shape.samples;
  S total{};
  for (index v = 0; v < views; ++v)
    for (index i = 0; i < n; ++i) {
      std::vector<S> negatives;
      S positive{};
      for (index w = 0; w < views; ++w)
        for (index j = 0; j < n; ++j) {
          const S s = cosine(e, v, i, w, j) / temperature;
          if (j != i) negatives.push_back(s);
          if (j == i && w != v) positive += s / static_cast<double>(views - 1);
        }
      total += log_sum_exp(negatives) - positive;
    }
  return total / static_cast<double>(views * n);
}

template <class S>
S squared_distance(const embeddings<S>& e, index v, index i, index w, index j) {
  S sum{};
  for (index k = 0; k < e.shape.features; ++k) {
    const S difference = e(v, k, i) - e(w, k, j);
    sum += difference * difference;
  }
  return sum;
}

/// Mean over pairs of views and samples of the distance to the power alpha.
template <class S>
S alignment(const embeddings<S>& z, double alpha) {
  const embeddings<S> e = unit(z);
  return mean_over_pairs<S>(e, [&](const embeddings<S>& p) {
    S sum{};
    for (index j = 0; j < p.shape.samples; ++j) sum += std::pow(squared_distance(p, 0, j, 1, j), alpha / 2);
    return sum / static_cast<double>(p.shape.samples);
  });
}

template <class S>
S uniformity(const embeddings<S>& z, double t, over_views how = over_views::mean) {
  const embeddings<S> e = unit(z);
  const index n = e.shape.samples;
  return combine<S>(how, e.shape.views, [&](index v) {
    std::vector<S> exponents;
    for (index i = 0; i < n; ++i)
      for (index j = i + 1; j < n; ++j) exponents.push_back(-t * squared_distance(e, v, i, v, j));
    return log_sum_exp(exponents) - std::log(static_cast<double>(exponents.size()));
  });
}

/// - mean log of the distance to the nearest other sample of the view.
template <class S>
S koleo(const embeddings<S>& z, double epsilon, over_views how = over_views::mean) {
  const embeddings<S> e = unit(z);
  const index n = e.shape.samples;
  return combine<S>(how, e.shape.views, [&](index v) {
    S sum{};
    for (index i = 0; i < n; ++i) {
      S nearest = 1e300;
      for (index j = 0; j < n; ++j)
        if (const S d = squared_distance(e, v, i, v, j); j != i && real_of(d) < real_of(nearest)) nearest = d;
      sum -= std::log(std::sqrt(nearest) + epsilon);
    }
    return sum / static_cast<double>(n);
  });
}

}  // namespace ssl::test::naive
