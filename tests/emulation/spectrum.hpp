#pragma once
/// The eigenvectors of a symmetric matrix by Householder's tridiagonal form and QL steps: EISPACK's tred2 and
/// tql2.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace ssl::test::emulation {

/// Reads the lower triangle of a (n, n); its columns become the eigenvectors of w (n), ascending. False where
/// it does not converge, as with NaN. Cost about 9 n^3 flops.
template <class T>
bool eigenvectors(T* a, std::int64_t size, std::int64_t lda, T* w) {
  using place = std::size_t;
  const auto n = static_cast<place>(size);
  if (n == 0) return true;
  std::vector<T> v(n * n), d(n), e(n);  // v by rows: v(i, j) is entry j of row i
  const auto V = [&](place i, place j) -> T& { return v[i * n + j]; };
  for (place i = 0; i < n; ++i)
    for (place j = 0; j <= i; ++j)
      V(i, j) = V(j, i) = a[static_cast<std::int64_t>(i) + static_cast<std::int64_t>(j) * lda];
  for (place j = 0; j < n; ++j) d[j] = V(n - 1, j);

  for (place i = n - 1; i > 0; --i) {
    T scale = 0, h = 0;
    for (place k = 0; k < i; ++k) scale += std::abs(d[k]);
    if (scale == T{0}) {
      e[i] = d[i - 1];
      for (place j = 0; j < i; ++j) {
        d[j] = V(i - 1, j);
        V(i, j) = V(j, i) = T{0};
      }
    } else {
      for (place k = 0; k < i; ++k) {
        d[k] /= scale;
        h += d[k] * d[k];
      }
      T f = d[i - 1];
      T g = f > T{0} ? -std::sqrt(h) : std::sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      d[i - 1] = f - g;
      std::fill_n(e.begin(), i, T{0});
      for (place j = 0; j < i; ++j) {
        f = d[j];
        V(j, i) = f;
        g = e[j] + V(j, j) * f;
        for (place k = j + 1; k < i; ++k) {
          g += V(k, j) * d[k];
          e[k] += V(k, j) * f;
        }
        e[j] = g;
      }
      f = 0;
      for (place j = 0; j < i; ++j) {
        e[j] /= h;
        f += e[j] * d[j];
      }
      const T hh = f / (h + h);
      for (place j = 0; j < i; ++j) e[j] -= hh * d[j];
      for (place j = 0; j < i; ++j) {
        f = d[j];
        g = e[j];
        for (place k = j; k < i; ++k) V(k, j) -= f * e[k] + g * d[k];
        d[j] = V(i - 1, j);
        V(i, j) = T{0};
      }
    }
    d[i] = h;
  }
  for (place i = 0; i + 1 < n; ++i) {
    V(n - 1, i) = V(i, i);
    V(i, i) = T{1};
    const T h = d[i + 1];
    if (h != T{0}) {
      for (place k = 0; k <= i; ++k) d[k] = V(k, i + 1) / h;
      for (place j = 0; j <= i; ++j) {
        T g = 0;
        for (place k = 0; k <= i; ++k) g += V(k, i + 1) * V(k, j);
        for (place k = 0; k <= i; ++k) V(k, j) -= g * d[k];
      }
    }
    for (place k = 0; k <= i; ++k) V(k, i + 1) = T{0};
  }
  for (place j = 0; j < n; ++j) {
    d[j] = V(n - 1, j);
    V(n - 1, j) = T{0};
  }
  V(n - 1, n - 1) = T{1};
  e[0] = T{0};

  // QL on (d, e); the rotations act on columns of V, kept as rows of its transpose.
  std::vector<T> u(n * n);
  for (place i = 0; i < n; ++i)
    for (place j = 0; j < n; ++j) u[j * n + i] = V(i, j);
  for (place i = 1; i < n; ++i) e[i - 1] = e[i];
  e[n - 1] = T{0};
  T f = 0, largest = 0;
  for (place l = 0; l < n; ++l) {
    largest = std::max(largest, std::abs(d[l]) + std::abs(e[l]));
    place m = l;
    while (m < n && !(std::abs(e[m]) <= std::numeric_limits<T>::epsilon() * largest)) ++m;
    if (m == n) return false;  // only a NaN gets there: e[n - 1] is 0
    if (m > l) {
      int rounds = 0;
      do {
        if (++rounds > 60) return false;
        T g = d[l];
        T p = (d[l + 1] - g) / (T{2} * e[l]);
        T r = std::hypot(p, T{1});
        if (p < T{0}) r = -r;
        d[l] = e[l] / (p + r);
        d[l + 1] = e[l] * (p + r);
        const T dl1 = d[l + 1];
        T h = g - d[l];
        for (place i = l + 2; i < n; ++i) d[i] -= h;
        f += h;
        p = d[m];
        T c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
        const T el1 = e[l + 1];
        for (place i = m; i-- > l;) {
          c3 = c2;
          c2 = c;
          s2 = s;
          g = c * e[i];
          h = c * p;
          r = std::hypot(p, e[i]);
          e[i + 1] = s * r;
          s = e[i] / r;
          c = p / r;
          p = c * d[i] - s * g;
          d[i + 1] = h + s * (c * g + s * d[i]);
          T* const one = &u[i * n];
          T* const two = &u[(i + 1) * n];
          for (place k = 0; k < n; ++k) {
            const T x = two[k];
            two[k] = s * one[k] + c * x;
            one[k] = c * one[k] - s * x;
          }
        }
        p = -s * s2 * c3 * el1 * e[l] / dl1;
        e[l] = s * p;
        d[l] = c * p;
      } while (std::abs(e[l]) > std::numeric_limits<T>::epsilon() * largest);
    }
    d[l] += f;
    e[l] = T{0};
  }

  std::vector<place> order(n);
  std::iota(order.begin(), order.end(), place{0});
  std::sort(order.begin(), order.end(), [&](place i, place j) { return d[i] < d[j]; });
  for (place j = 0; j < n; ++j) {
    w[j] = d[order[j]];
    for (place i = 0; i < n; ++i)
      a[static_cast<std::int64_t>(i) + static_cast<std::int64_t>(j) * lda] = u[order[j] * n + i];
  }
  return true;
}

}  // namespace ssl::test::emulation
