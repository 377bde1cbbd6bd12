#pragma once
/// Every loss as its definition reads: plain loops, no identities, no shared quantities. Written for double
/// and for std::complex<double>, because f(x + ih) / h has the derivative in its imaginary part, exact to the
/// last digits: the oracle of every gradient.

#include <cmath>
#include <complex>
#include <vector>

#include "ssl/core/shape.hpp"
#include "ssl/loss/loss.hpp"

namespace ssl::test::naive {

inline double real_of(double x) { return x; }
inline double real_of(std::complex<double> x) { return x.real(); }

/// Embeddings (d, V n), column-major.
template <class S>
struct embeddings {
  std::vector<S> z;
  batch_shape shape;

  const S& operator()(index view, index feature, index sample) const {
    return z[static_cast<std::size_t>((view * shape.samples + sample) * shape.features + feature)];
  }
  S& operator()(index view, index feature, index sample) {
    return z[static_cast<std::size_t>((view * shape.samples + sample) * shape.features + feature)];
  }
};

/// One number per view becomes one number, with the pairs of `pair_sum` walked one by one.
template <class S, class PerView>
S combine(over_views how, index views, const PerView& per_view) {
  S sum{};
  if (how != over_views::pair_sum) {
    for (index v = 0; v < views; ++v) sum += per_view(v);
    return how == over_views::sum ? sum : sum / static_cast<double>(views);
  }
  if (views == 1) return 2.0 * per_view(0);
  double pairs = 0;
  for (index v = 0; v < views; ++v)
    for (index w = v + 1; w < views; ++w, ++pairs) sum += per_view(v) + per_view(w);
  return sum / pairs;
}

/// Columns divided by max(length, 1e-12).
template <class S>
embeddings<S> unit(embeddings<S> e) {
  for (index v = 0; v < e.shape.views; ++v)
    for (index j = 0; j < e.shape.samples; ++j) {
      S squared{};
      for (index i = 0; i < e.shape.features; ++i) squared += e(v, i, j) * e(v, i, j);
      S length = std::sqrt(squared);
      if (real_of(length) < 1e-12) length = S(1e-12);
      for (index i = 0; i < e.shape.features; ++i) e(v, i, j) /= length;
    }
  return e;
}

/// (1 / (n - 1)) sum_j (x_ij - mean_i) (x_kj - mean_k).
template <class S>
S covariance_entry(const embeddings<S>& e, index v, index i, index k) {
  S mean_i{}, mean_k{}, sum{};
  const double n = static_cast<double>(e.shape.samples);
  for (index j = 0; j < e.shape.samples; ++j) mean_i += e(v, i, j) / n, mean_k += e(v, k, j) / n;
  for (index j = 0; j < e.shape.samples; ++j) sum += (e(v, i, j) - mean_i) * (e(v, k, j) - mean_k);
  return sum / (n - 1);
}

/// Mean over pairs of views of the mean squared difference.
template <class S>
S invariance(const embeddings<S>& e, bool per_feature = true) {
  S sum{};
  double pairs = 0;
  for (index v = 0; v < e.shape.views; ++v)
    for (index w = v + 1; w < e.shape.views; ++w, ++pairs)
      for (index j = 0; j < e.shape.samples; ++j)
        for (index i = 0; i < e.shape.features; ++i) {
          const S difference = e(v, i, j) - e(w, i, j);
          sum += difference * difference;
        }
  if (pairs == 0) return S{};
  return sum / (pairs * static_cast<double>(e.shape.samples) *
                (per_feature ? static_cast<double>(e.shape.features) : 1.0));
}

template <class S>
S variance(const embeddings<S>& e, double target = 1, double epsilon = 1e-4,
           over_views how = over_views::mean) {
  return combine<S>(how, e.shape.views, [&](index v) {
    S sum{};
    for (index i = 0; i < e.shape.features; ++i) {
      const S spread = std::sqrt(covariance_entry(e, v, i, i) + epsilon);
      if (real_of(spread) < target) sum += target - spread;
    }
    return sum / static_cast<double>(e.shape.features);
  });
}

template <class S>
S covariance(const embeddings<S>& e, over_views how = over_views::pair_sum) {
  return combine<S>(how, e.shape.views, [&](index v) {
    S sum{};
    for (index i = 0; i < e.shape.features; ++i)
      for (index k = 0; k < e.shape.features; ++k) {
        const S c = covariance_entry(e, v, i, k);
        if (i != k) sum += c * c;
      }
    return sum / static_cast<double>(e.shape.features);
  });
}

template <class S>
S frobenius(const embeddings<S>& e, over_views how = over_views::mean) {
  const double n = static_cast<double>(e.shape.samples);
  return combine<S>(how, e.shape.views, [&](index v) {
    S sum{};
    for (index i = 0; i < e.shape.features; ++i)
      for (index k = 0; k < e.shape.features; ++k) {
        S entry{};
        for (index j = 0; j < e.shape.samples; ++j) entry += e(v, i, j) * e(v, k, j);
        sum += entry * entry / (n * n);
      }
    return sum;
  });
}

/// -1/2 log det(I_d + alpha u u^T) by Gaussian elimination, on columns of length one.
template <class S>
S coding_rate(const embeddings<S>& z, double epsilon_squared = 0.2, over_views how = over_views::mean) {
  const embeddings<S> e = unit(z);
  const index d = e.shape.features;
  const double alpha = static_cast<double>(d) / (static_cast<double>(e.shape.samples) * epsilon_squared);
  return combine<S>(how, e.shape.views, [&](index v) {
    std::vector<S> m(static_cast<std::size_t>(d * d));
    const auto at = [&](index i, index k) -> S& { return m[static_cast<std::size_t>(i * d + k)]; };
    for (index i = 0; i < d; ++i)
      for (index k = 0; k < d; ++k) {
        at(i, k) = i == k ? 1.0 : 0.0;
        for (index j = 0; j < e.shape.samples; ++j) at(i, k) += alpha * e(v, i, j) * e(v, k, j);
      }
    S log_det{};
    for (index p = 0; p < d; ++p) {
      log_det += std::log(at(p, p));
      for (index i = p + 1; i < d; ++i) {
        const S ratio = at(i, p) / at(p, p);
        for (index k = p; k < d; ++k) at(i, k) -= ratio * at(p, k);
      }
    }
    return -0.5 * log_det;
  });
}

/// - mean over images and patches of the cosine to the mean of the image's unit patches.
template <class S>
S patch_similarity(const embeddings<S>& z) {
  const embeddings<S> e = unit(z);
  const index views = e.shape.views, n = e.shape.samples, d = e.shape.features;
  S sum{};
  for (index j = 0; j < n; ++j) {
    std::vector<S> mean(static_cast<std::size_t>(d));
    S squared{};
    for (index i = 0; i < d; ++i) {
      S& m = mean[static_cast<std::size_t>(i)];
      for (index v = 0; v < views; ++v) m += e(v, i, j) / static_cast<double>(views);
      squared += m * m;
    }
    for (index v = 0; v < views; ++v)
      for (index i = 0; i < d; ++i)
        sum += e(v, i, j) * mean[static_cast<std::size_t>(i)] / std::sqrt(squared);
  }
  return -sum / static_cast<double>(views * n);
}

/// The gradient of `f(embeddings)` by complex steps, in the order of z.
template <class F>
std::vector<double> gradient(const F& f, const std::vector<double>& z, batch_shape shape) {
  constexpr double step = 1e-30;
  embeddings<std::complex<double>> e{{z.begin(), z.end()}, shape};
  std::vector<double> out(z.size());
  for (std::size_t k = 0; k < z.size(); ++k) {
    e.z[k] += std::complex<double>(0, step);
    out[k] = std::complex<double>(f(e)).imag() / step;
    e.z[k] = z[k];
  }
  return out;
}

}  // namespace ssl::test::naive
