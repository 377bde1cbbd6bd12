#include "ssl/loss/centroid.hpp"

#include <limits>

#include "ssl/loss/byol.hpp"
#include "support/targets.hpp"

namespace ssl::test {
namespace {

/// unit(sum of a sample's unit targets, without view `own`), column-major (d).
std::vector<double> centre(const naive::embeddings<double>& targets, index j, index own) {
  const auto t = naive::unit(targets);
  std::vector<double> c(static_cast<std::size_t>(t.shape.features));
  double squared = 0;
  for (index i = 0; i < t.shape.features; ++i) {
    for (index w = 0; w < t.shape.views; ++w)
      if (w != own) c[static_cast<std::size_t>(i)] += t(w, i, j);
    squared += c[static_cast<std::size_t>(i)] * c[static_cast<std::size_t>(i)];
  }
  for (double& x : c) x /= std::sqrt(squared);
  return c;
}

template <class S>
S to_centre(const naive::embeddings<S>& z, const naive::embeddings<double>& t, bool without_own) {
  const auto u = naive::unit(z);
  S sum{};
  for (index v = 0; v < z.shape.views; ++v)
    for (index j = 0; j < z.shape.samples; ++j) {
      const auto c = centre(t, j, without_own ? v : -1);
      for (index i = 0; i < z.shape.features; ++i) sum += u(v, i, j) * c[static_cast<std::size_t>(i)];
    }
  return 2.0 - 2.0 * sum / static_cast<double>(z.shape.columns());
}

template <class S>
S between_centres(const naive::embeddings<S>& z, const naive::embeddings<double>& t) {
  const auto u = naive::unit(z);
  S sum{};
  for (index j = 0; j < z.shape.samples; ++j) {
    const auto c = centre(t, j, -1);
    S along{}, squared{};
    for (index i = 0; i < z.shape.features; ++i) {
      S mean{};
      for (index v = 0; v < z.shape.views; ++v) mean += u(v, i, j);
      along += mean * c[static_cast<std::size_t>(i)], squared += mean * mean;
    }
    sum += along / std::sqrt(squared);
  }
  return 1.0 - sum / static_cast<double>(z.shape.samples);
}

constexpr centroid all_targets{.reading = centroid_reading::all_targets},
    centres{.reading = centroid_reading::centroid_to_centroid};
constexpr centroid readings[] = {centroid{}, all_targets, centres};

}  // namespace

TEST_CASE_TEMPLATE("loss/centroid: every view towards the unit mean of the other views' targets", B,
                   SSL_BACKENDS) {
  check_with_targets<B>(centroid{}, [](const auto& z, const auto& t) { return to_centre(z, t, true); });
}

TEST_CASE_TEMPLATE("loss/centroid: every view towards the unit mean of all targets", B, SSL_BACKENDS) {
  check_with_targets<B>(all_targets, [](const auto& z, const auto& t) { return to_centre(z, t, false); });
}

TEST_CASE_TEMPLATE("loss/centroid: the mean of the views towards the mean of the targets", B, SSL_BACKENDS) {
  check_with_targets<B>(
      centres, [](const auto& z, const auto& t) { return between_centres(z, t); }, false);
  // z is its own optimum.
  const outcome own = evaluate_loss<B>(centres, test_embeddings({5, 7, 3}), {5, 7, 3});
  CHECK(std::abs(own.total) < tolerance<B>);
  CHECK(largest(own.gradient) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/centroid: leaving one of two out is BYOL", B, SSL_BACKENDS) {
  const batch_shape shape{7, 5, 2};
  const beside more{.targets = test_embeddings(shape, 3)};
  const auto z = test_embeddings(shape);
  const outcome a = evaluate_beside<B>(centroid{}, z, shape, more),
                b = evaluate_beside<B>(byol{}, z, shape, more);
  CHECK(a.total == b.total);
  CHECK(a.gradient == b.gradient);
}

TEST_CASE_TEMPLATE("loss/centroid: lengths do not matter, gradients are orthogonal to the columns", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 4, 3};
  for (const centroid& loss : readings) {
    auto z = test_embeddings(shape);
    auto t = test_embeddings(shape, 4);
    const outcome a = evaluate_beside<B>(loss, z, shape, {.targets = t});
    check_orthogonal<B>(a.gradient, z, shape);
    for (double& x : z) x = std::ldexp(x, 9);
    for (double& x : t) x = std::ldexp(x, -7);
    const outcome b = evaluate_beside<B>(loss, z, shape, {.targets = t});
    CHECK(b.total == doctest::Approx(a.total).epsilon(1e-6));
  }
}

TEST_CASE_TEMPLATE("loss/centroid: agreeing views and targets reach zero in every reading", B, SSL_BACKENDS) {
  const auto view = normals(15, 8);
  std::vector<double> z;
  for (int v = 0; v < 3; ++v)
    for (const double x : view) z.push_back(std::ldexp(x, v));
  for (const centroid& loss : readings) {
    const outcome found = evaluate_loss<B>(loss, z, {5, 3, 3});
    CHECK(std::abs(found.total) < tolerance<B>);
    CHECK(largest(found.gradient) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/centroid: opposite, zero, tiny and huge columns give finite numbers, a NaN shows", B,
                   SSL_BACKENDS) {
  const batch_shape shape{2, 2, 4};
  const std::vector<double> opposite{1, 0, 0, 1, -1, 0, 0, -1, 1, 0, 0, 1, -1, 0, 0, -1};
  for (const centroid& loss : readings) {
    for (const double scale : {0.0, 1e-20, 1e-9, 1.0, 1e9}) {
      auto z = opposite;
      for (double& x : z) x *= scale;
      const outcome found = evaluate_loss<B>(loss, z, shape);
      CHECK(std::isfinite(found.total));
      for (const double g : found.gradient) CHECK(std::isfinite(g));
    }
    auto z = opposite;
    z[5] = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(evaluate_loss<B>(loss, z, shape).total));
  }
}

TEST_CASE_TEMPLATE("loss/centroid: one view has nothing to leave out", B, SSL_BACKENDS) {
  const auto z = test_embeddings({5, 4, 1}), t = test_embeddings({5, 4, 1}, 2);
  CHECK(evaluate_beside<B>(centroid{}, z, {5, 4, 1}, {.targets = t}).total == 0.0);
  CHECK(evaluate_beside<B>(all_targets, z, {5, 4, 1}, {.targets = t}).total > 0.1);
}

}  // namespace ssl::test
