#include <algorithm>
#include <cmath>

#include "ssl/eval/alpha_req.hpp"
#include "ssl/eval/lidar.hpp"
#include "ssl/eval/rank_me.hpp"
#include "ssl/eval/view_geometry.hpp"
#include "support/backends.hpp"

using doctest::Approx;

namespace {

constexpr double pi = 3.14159265358979323846;

/// (d, n) with orthogonal rows of mean zero and the singular values given, fewer than n of them.
std::vector<double> with_values(const std::vector<double>& s, ssl::index n, double shift = 0) {
  const std::size_t d = s.size();
  std::vector<double> x(d * static_cast<std::size_t>(n));
  for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j)
    for (std::size_t i = 0; i < d; ++i)
      x[i + d * j] = shift + s[i] * std::sqrt(2.0 / static_cast<double>(n)) *
                                 std::cos(pi * (static_cast<double>(j) + 0.5) * static_cast<double>(i + 1) /
                                          static_cast<double>(n));
  return x;
}

double entropy_rank(const std::vector<double>& weights, double epsilon) {
  double sum = 0, entropy = 0;
  for (const double w : weights) sum += w;
  for (const double w : weights) entropy -= (w / sum + epsilon) * std::log(w / sum + epsilon);
  return std::exp(entropy);
}

/// Eigenvalues of a symmetric matrix, and its columns become eigenvectors: Jacobi's rotations.
struct eigen_system {
  std::vector<double> values, vectors;
};
eigen_system jacobi(std::vector<double> a, std::size_t d) {
  std::vector<double> v(d * d, 0.0);
  for (std::size_t i = 0; i < d; ++i) v[i + d * i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep)
    for (std::size_t p = 0; p < d; ++p)
      for (std::size_t q = p + 1; q < d; ++q) {
        if (std::abs(a[p + d * q]) < 1e-300) continue;
        const double angle = 0.5 * std::atan2(2 * a[p + d * q], a[q + d * q] - a[p + d * p]);
        const double c = std::cos(angle), s = std::sin(angle);
        for (std::size_t k = 0; k < d; ++k) {
          const double x = a[k + d * p], y = a[k + d * q];
          a[k + d * p] = c * x - s * y;
          a[k + d * q] = s * x + c * y;
        }
        for (std::size_t k = 0; k < d; ++k) {
          const double x = a[p + d * k], y = a[q + d * k];
          a[p + d * k] = c * x - s * y;
          a[q + d * k] = s * x + c * y;
          const double g = v[k + d * p], h = v[k + d * q];
          v[k + d * p] = c * g - s * h;
          v[k + d * q] = s * g + c * h;
        }
      }
  eigen_system out{{}, v};
  for (std::size_t i = 0; i < d; ++i) out.values.push_back(a[i + d * i]);
  return out;
}

/// LiDAR as the paper writes it, with W^-1/2 from the eigenvectors of W.
double naive_lidar(const std::vector<double>& x, std::size_t d, std::size_t n, std::size_t views,
                   double delta, double epsilon) {
  std::vector<double> mu(d * n, 0.0), all(d, 0.0), b(d * d, 0.0), w(d * d, 0.0);
  const double images = static_cast<double>(n), count = static_cast<double>(views);
  for (std::size_t v = 0; v < views; ++v)
    for (std::size_t k = 0; k < d * n; ++k) mu[k] += x[v * d * n + k] / count;
  for (std::size_t k = 0; k < d * n; ++k) all[k % d] += mu[k] / images;
  for (std::size_t p = 0; p < d; ++p)
    for (std::size_t q = 0; q < d; ++q)
      for (std::size_t j = 0; j < n; ++j) {
        b[p + d * q] += (mu[p + d * j] - all[p]) * (mu[q + d * j] - all[q]) / images;
        for (std::size_t v = 0; v < views; ++v) {
          const double* const y = x.data() + d * (v * n + j);
          w[p + d * q] += (y[p] - mu[p + d * j]) * (y[q] - mu[q + d * j]) / (images * count);
        }
      }
  for (std::size_t p = 0; p < d; ++p) w[p + d * p] += delta;
  const eigen_system e = jacobi(w, d);
  const auto product = [d](const std::vector<double>& f, const std::vector<double>& g) {
    std::vector<double> out(d * d, 0.0);
    for (std::size_t p = 0; p < d; ++p)
      for (std::size_t q = 0; q < d; ++q)
        for (std::size_t k = 0; k < d; ++k) out[p + d * q] += f[p + d * k] * g[k + d * q];
    return out;
  };
  std::vector<double> root(d * d, 0.0);
  for (std::size_t p = 0; p < d; ++p)
    for (std::size_t q = 0; q < d; ++q)
      for (std::size_t k = 0; k < d; ++k)
        root[p + d * q] += e.vectors[p + d * k] * e.vectors[q + d * k] / std::sqrt(e.values[k]);
  auto values = jacobi(product(product(root, b), root), d).values;
  for (double& v : values) v = std::max(v, 0.0);
  return entropy_rank(values, epsilon);
}

/// Images with views that differ, features mixed and far from the origin.
std::vector<double> images_and_views(ssl::index d, ssl::index n, ssl::index views, double noise) {
  const auto image = ssl::test::normals(d * n, 1), each = ssl::test::normals(d * n * views, 2, noise);
  std::vector<double> x(each.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    const std::size_t i = k % static_cast<std::size_t>(d), column = k - i;
    const std::size_t other = column + (i + 1) % static_cast<std::size_t>(d);
    x[k] = 3 + image[k % image.size()] / static_cast<double>(i + 1) + each[k] + 0.5 * each[other];
  }
  return x;
}

template <class B>
struct held {
  ssl::workspace<B> work;
  ssl::test::matrix<B> x;
  held(ssl::index d, ssl::index n, const std::vector<double>& values) : x(work.backend(), d, n, values) {}
  ssl::context<B> ctx() { return work.ctx(); }
};

}  // namespace

TEST_CASE_TEMPLATE("eval/rank_me: a constructed spectrum has the rank of the definition, options as they say",
                   B, SSL_BACKENDS) {
  const std::vector<double> s{8, 4, 2, 1, 0.5, 0.25};
  held<B> h(6, 40, with_values(s, 40));
  auto ctx = h.ctx();
  const double tolerance = ssl::test::by_scalar<B>(2e-6, 1e-10);
  CHECK(ssl::rank_me(ctx, h.x.read()) == Approx(entropy_rank(s, 1e-7)).epsilon(tolerance));
  CHECK(ssl::rank_me(ctx, h.x.read(), {.epsilon = 1e-3}) == Approx(entropy_rank(s, 1e-3)).epsilon(tolerance));
  std::vector<double> lifted;
  for (const double v : s) lifted.push_back(v / 15.75 + 1e-3);
  CHECK(ssl::rank_me(ctx, h.x.read(), {.epsilon = 1e-3, .renormalise = true}) ==
        Approx(entropy_rank(lifted, 0)).epsilon(tolerance));
  CHECK(ssl::rank_me(ctx, h.x.read(), {.samples = 1}) == Approx(1).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("eval/rank_me: the mean counts as a direction unless columns are centred", B,
                   SSL_DOUBLE_BACKENDS) {
  const std::vector<double> s(5, 1.0);
  held<B> h(5, 30, with_values(s, 30, 50));
  auto ctx = h.ctx();
  CHECK(ssl::rank_me(ctx, h.x.read()) < 1.2);
  CHECK(ssl::rank_me(ctx, h.x.read(), {.centred = true}) ==
        Approx(5).epsilon(ssl::test::by_scalar<B>(1e-3, 1e-5)));
  h.x.set(std::vector<double>(150, 0.0));
  CHECK(ssl::rank_me(ctx, h.x.read()) == 0);
  CHECK(ssl::rank_me(ctx, h.x.read(), {.renormalise = true}) == 0);
  CHECK_THROWS_WITH_AS(ssl::rank_me(ctx, h.x.read(), {.samples = 0}),
                       "ssl::rank_me: samples is 0 and epsilon 0.000000; expected at least 1 and 0",
                       ssl::option_error);
}

TEST_CASE_TEMPLATE("eval/alpha_req: a power law comes back, whatever the mean, scale and weights", B,
                   SSL_BACKENDS) {
  for (const double alpha : {0.5, 1.0, 2.0}) {
    std::vector<double> s;
    for (int r = 1; r <= 60; ++r) s.push_back(7 * std::pow(r, -alpha / 2));
    held<B> h(60, 100, with_values(s, 100, 2));
    auto ctx = h.ctx();
    const double tolerance = ssl::test::by_scalar<B>(1e-4, 1e-9);
    const auto fit = ssl::alpha_req(ctx, h.x.read());
    CHECK(fit.alpha == Approx(alpha).epsilon(tolerance));
    CHECK(fit.intercept == Approx(std::log(0.49)).epsilon(tolerance));
    CHECK(fit.r_squared == Approx(1).epsilon(tolerance));
    CHECK(fit.first == 12);
    CHECK(fit.last == 60);
    CHECK(ssl::alpha_req(ctx, h.x.read(), {.first = 1, .last = 20, .weighted = false}).alpha ==
          Approx(alpha).epsilon(tolerance));
  }
}

TEST_CASE("eval/alpha_req: the fit is weighted least squares over the ranks asked for") {
  std::vector<double> values;
  for (int r = 1; r <= 30; ++r) values.push_back(100.0 / (r * r) * (1 + 0.3 * std::sin(3.0 * r)) + 1.0 / r);
  std::sort(values.rbegin(), values.rend());
  for (const bool weighted : {false, true}) {
    // The normal equations, as released.
    double a = 0, b = 0, c = 0, e = 0, f = 0;
    for (int r = 3; r <= 25; ++r) {
      const double w = weighted ? 1.0 / r : 1.0, x = -std::log(r),
                   y = std::log(values[static_cast<std::size_t>(r - 1)]);
      a += w * x * x;
      b += w * x;
      c += w;
      e += w * x * y;
      f += w * y;
    }
    const auto fit = ssl::fit_power_law(values, 3, 25, weighted);
    CHECK(fit.alpha == Approx((c * e - b * f) / (a * c - b * b)));
    CHECK(fit.intercept == Approx((a * f - b * e) / (a * c - b * b)));
    CHECK(fit.r_squared > 0.9);
    CHECK(fit.r_squared < 1);
  }
  values[20] = 0;
  values.resize(21);
  CHECK(ssl::fit_power_law(values, 3, 25, true).last == 20);
  CHECK_THROWS_WITH_AS(
      ssl::fit_power_law(values, 20, 25, true),
      "ssl::fit_power_law: ranks 20 to 25 of 20 positive values, expected at least two of them",
      ssl::shape_error);
}

TEST_CASE_TEMPLATE(
    "eval/lidar: equals the definition with W^-1/2, for fewer images than features and for more", B,
    SSL_BACKENDS) {
  for (const ssl::index n : {4, 12, 60})
    for (const ssl::index views : {2, 5}) {
      const auto x = images_and_views(8, n, views, 0.3);
      held<B> h(8, n * views, x);
      auto ctx = h.ctx();
      const double expected =
          naive_lidar(x, 8, static_cast<std::size_t>(n), static_cast<std::size_t>(views), 1e-4, 1e-8);
      CHECK(ssl::lidar(ctx, h.x.read(), views) ==
            Approx(expected).epsilon(ssl::test::by_scalar<B>(1e-4, 1e-8)));
      CHECK(expected <= std::min<double>(8, static_cast<double>(n - 1)) + 1e-3);
      CHECK(ssl::lidar(ctx, h.x.read(), views, {.delta = 1, .epsilon = 1e-3}) ==
            Approx(naive_lidar(x, 8, static_cast<std::size_t>(n), static_cast<std::size_t>(views), 1, 1e-3))
                .epsilon(ssl::test::by_scalar<B>(1e-4, 1e-8)));
    }
}

TEST_CASE_TEMPLATE(
    "eval/lidar: noise counts against the directions it is in, and columns past one tile count", B,
    SSL_DOUBLE_BACKENDS) {
  // Image j is s_i cos in direction i, its two views are +-w_i of another cosine: both matrices are diagonal.
  const ssl::index n = 1500;
  const std::vector<double> s{3, 3, 2, 1}, w{0.1, 1, 1, 2};
  const auto image = with_values(s, n);
  std::vector<double> x(8 * static_cast<std::size_t>(n)), expected;
  for (std::size_t k = 0; k < image.size(); ++k) {
    const double j = static_cast<double>(k / 4), m = static_cast<double>(n);
    const double change =
        w[k % 4] * std::sqrt(2 / m) * std::cos(pi * (j + 0.5) * static_cast<double>(k % 4 + 20) / m);
    x[k] = image[k] + change;
    x[k + image.size()] = image[k] - change;
  }
  const double delta = 1e-6;
  for (std::size_t i = 0; i < 4; ++i)
    expected.push_back(s[i] * s[i] / (w[i] * w[i] + static_cast<double>(n) * delta));
  held<B> h(4, 2 * n, x);
  auto ctx = h.ctx();
  CHECK(ssl::lidar(ctx, h.x.read(), 2, {.delta = delta}) ==
        Approx(entropy_rank(expected, 1e-8)).epsilon(ssl::test::by_scalar<B>(1e-4, 1e-8)));
}

TEST_CASE_TEMPLATE("eval/lidar: without noise the rank is that of the images, all one image is 0", B,
                   SSL_DOUBLE_BACKENDS) {
  const std::vector<double> s{2, 2, 2, 2};
  auto x = with_values(s, 20, 5);
  x.insert(x.end(), x.begin(), x.end());
  held<B> h(4, 40, x);
  auto ctx = h.ctx();
  CHECK(ssl::lidar(ctx, h.x.read(), 2) == Approx(4).epsilon(1e-3));
  h.x.set(std::vector<double>(160, 2.0));
  CHECK(ssl::lidar(ctx, h.x.read(), 2) == 0);
  CHECK_THROWS_WITH_AS(
      ssl::lidar(ctx, h.x.read(), 3),
      "ssl::lidar: x is 4x40 with 3 views, expected at least two views of at least two images each",
      ssl::shape_error);
  CHECK_THROWS_AS(ssl::lidar(ctx, h.x.read(), 2, {.delta = 0}), ssl::option_error);
  x[3] = std::nan("");
  h.x.set(x);
  CHECK_THROWS_AS(ssl::lidar(ctx, h.x.read(), 2), ssl::numeric_error);
}

TEST_CASE_TEMPLATE("eval/view_geometry: alignment and uniformity are those of loops over pairs", B,
                   SSL_DOUBLE_BACKENDS) {
  const ssl::index d = 5, n = 9, views = 3;
  const auto x = images_and_views(d, n, views, 0.5);
  auto u = x;
  for (std::size_t j = 0; j < 27; ++j) {
    double square = 0;
    for (std::size_t i = 0; i < 5; ++i) square += x[i + 5 * j] * x[i + 5 * j];
    for (std::size_t i = 0; i < 5; ++i) u[i + 5 * j] /= std::sqrt(square);
  }
  const auto apart = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) sum += std::pow(u[i + 5 * a] - u[i + 5 * b], 2);
    return sum;
  };
  double alignment = 0, uniformity = 0;
  for (std::size_t v = 0; v < 3; ++v) {
    double sum = 0;
    for (std::size_t i = 0; i < 9; ++i) {
      for (std::size_t w = 0; w < v; ++w) alignment += apart(9 * v + i, 9 * w + i) / 27;
      for (std::size_t j = 0; j < i; ++j) sum += std::exp(-1.5 * apart(9 * v + i, 9 * v + j)) / 36;
    }
    uniformity += std::log(sum) / 3;
  }
  held<B> h(d, n * views, x);
  auto ctx = h.ctx();
  const auto found = ssl::geometry_of_views(ctx, h.x.read(), views, 1.5);
  CHECK(found.alignment == Approx(alignment).epsilon(ssl::test::by_scalar<B>(1e-4, 1e-10)));
  CHECK(found.uniformity == Approx(uniformity).epsilon(ssl::test::by_scalar<B>(1e-4, 1e-10)));
  CHECK_THROWS_AS(ssl::geometry_of_views(ctx, h.x.read(), 1), ssl::shape_error);
}
