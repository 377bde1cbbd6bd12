#include "ssl/loss/singular_value.hpp"

#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/on.hpp"
#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

using reading = singular_reading;

template <class S>
S s1(naive::embeddings<S> e, bool centered, bool unbiased) {
  e = naive::unit(e);
  const index features = e.shape.features, samples = e.shape.samples;
  const double d = static_cast<double>(features), n = static_cast<double>(samples);
  S sum{};
  for (index v = 0; v < e.shape.views; ++v) {
    if (centered)
      for (index i = 0; i < features; ++i) {
        S mean{};
        for (index j = 0; j < samples; ++j) mean += e(v, i, j) / n;
        for (index j = 0; j < samples; ++j) e(v, i, j) -= mean;
      }
    S square{}, distance{};
    for (index i = 0; i < features; ++i)
      for (index k = 0; k < features; ++k) {
        const S m = naive::over_samples(e, v, i, v, k);
        square += m * m;
        distance += (d / n * m - (i == k ? 1.0 : 0.0)) * (d / n * m - (i == k ? 1.0 : 0.0));
      }
    sum += unbiased ? d * d * (square - n) / (n * (n - 1)) - d : distance;
  }
  return sum / static_cast<double>(e.shape.views);
}

template <class S>
S s4(const naive::embeddings<S>& z) {
  const auto e = naive::standardized(naive::unit(z));
  const double n = static_cast<double>(e.shape.samples);
  S sum{};
  for (index v = 0; v < e.shape.views; ++v)
    for (index i = 0; i < e.shape.features; ++i)
      for (index k = 0; k < e.shape.features; ++k) {
        const S r = naive::over_samples(e, v, i, v, k) / n;
        if (i != k) sum += r * r;
      }
  return sum / static_cast<double>(e.shape.views);
}

/// The example of three images, three views and four features: q_l = 2 sin(1 + l) + 0.3, l = (i K + k) d + j.
std::vector<double> three_views() {
  std::vector<double> z;
  for (int k = 0; k < 3; ++k)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j) z.push_back(2 * std::sin(1.0 + (i * 3 + k) * 4 + j) + 0.3);
  return z;
}

/// Columns e_1, e_2, ..., e_d, e_1, ...
std::vector<double> axes(batch_shape shape) {
  std::vector<double> z(static_cast<std::size_t>(shape.features * shape.columns()));
  for (index j = 0; j < shape.columns(); ++j)
    z[static_cast<std::size_t>(j * shape.features + j % shape.samples % shape.features)] = 3;
  return z;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "loss/singular_value: equals the distance of the second moment from the identity, on both sides", B,
    SSL_BACKENDS) {
  check_against_definition<B>(
      singular_value{}, [](const auto& e) { return s1(e, false, false); }, 10 * tolerance<B>);
  check_against_definition<B>(
      singular_value{.reduction = over_views::sum},
      [](const auto& e) { return static_cast<double>(e.shape.views) * s1(e, false, false); },
      10 * tolerance<B>);
  check_against_definition<B>(
      singular_value{reading::s1_per_feature},
      [](const auto& e) { return s1(e, false, false) / static_cast<double>(e.shape.features); },
      10 * tolerance<B>);
  check_against_definition<B>(
      singular_value{reading::s1_centered}, [](const auto& e) { return s1(e, true, false); },
      10 * tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/singular_value: without bias, and by the correlation, equals the definition", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(
      singular_value{.unbiased = true}, [](const auto& e) { return s1(e, false, true); }, 10 * tolerance<B>);
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}, {9, 9, 3}, {11, 4, 4}, {4, 11, 3}})
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const outcome found = evaluate_loss<B>(singular_value{reading::s4}, z, shape, side);
      CHECK(found.total == doctest::Approx(s4(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, naive::gradient([](const auto& e) { return s4(e); }, z, shape)) <
            10 * tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("loss/singular_value: the table's value", B, SSL_DOUBLE_BACKENDS) {
  for (const gram_side side : both_sides)
    CHECK(evaluate_loss<B>(singular_value{}, three_views(), {4, 3, 3}, side).total ==
          doctest::Approx(7.565663794349).epsilon(1e-12));
  CHECK(evaluate_loss<B>(singular_value{}, three_views(), {4, 9, 1}).total ==
        doctest::Approx(4.261375424752).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/singular_value: the nuclear norm of known singular values", B, SSL_BACKENDS) {
  // Columns on the axes, each n / d times: d singular values sqrt(n / d).
  for (const batch_shape shape : {batch_shape{4, 12, 2}, {4, 4, 1}, {12, 4, 2}}) {
    const double d = static_cast<double>(std::min(shape.features, shape.samples)),
                 n = static_cast<double>(shape.samples);
    const outcome found = evaluate_loss<B>(singular_value{reading::s2}, axes(shape), shape);
    CHECK(found.total == doctest::Approx(-d * std::sqrt(n / d) / n).epsilon(1e-12));
    CHECK(largest(found.gradient) < 1e-6);
  }
  // Two columns at an angle with cosine c: singular values sqrt(1 + c) and sqrt(1 - c).
  CHECK(evaluate_loss<B>(singular_value{reading::s2}, {1, 0, 3, 4}, {2, 2, 1}).total ==
        doctest::Approx(-(std::sqrt(1.6) + std::sqrt(0.4)) / 2).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/singular_value: the gradient of the nuclear norm", B, SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}, {4, 11, 3}, {40, 8, 2}})
    for (const double ratio : {1.0, 1e3}) {  // one feature larger than the others: small singular values
      INFO(to_string(shape, gram_side::automatic));
      auto z = test_embeddings(shape);
      for (std::size_t k = 1; k < z.size(); k += static_cast<std::size_t>(shape.features)) z[k] *= ratio;
      const auto value = [&](const std::vector<double>& x) {
        return evaluate_loss<B>(singular_value{reading::s2}, x, shape).total;
      };
      const auto found = evaluate_loss<B>(singular_value{reading::s2}, z, shape).gradient;
      CHECK(relative_error(found, finite_difference(value, z)) < 1e-6);
    }
}

TEST_CASE_TEMPLATE("loss/singular_value: small singular values keep their digits", B, SSL_DOUBLE_BACKENDS) {
  // x = V diag(1, 1e-6) W with rotations V and W: the polar factor is V W, whatever the singular values.
  const double a = 0.3, b = 1.1;
  workspace<B> work;
  auto ctx = work.ctx();
  const auto product = [&](double s, double t) {
    return std::vector<double>{s * std::cos(a) * std::cos(b) - t * std::sin(a) * std::sin(b),
                               s * std::sin(a) * std::cos(b) + t * std::cos(a) * std::sin(b),
                               -s * std::cos(a) * std::sin(b) - t * std::sin(a) * std::cos(b),
                               -s * std::sin(a) * std::sin(b) + t * std::cos(a) * std::cos(b)};
  };
  const matrix<B> x(work.backend(), 2, 2, product(1, 1e-6)), value(work.backend(), 1, 1, {0}),
      dx(work.backend(), 2, 2, {0, 0, 0, 0});
  detail::add_nuclear_norm(ctx, 1.0, 1.0, x.read(), value(), dx());
  CHECK(value.get()[0] == doctest::Approx(1 + 1e-6).epsilon(1e-14));
  CHECK(relative_error(dx.get(), product(1, 1)) < 1e-9);
}

TEST_CASE_TEMPLATE("loss/singular_value: zero for equal singular values, on the axes", B, SSL_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(singular_value{}, axes({4, 12, 2}), {4, 12, 2}, side);
    CHECK(std::abs(found.total) < 1e-12);
    CHECK(largest(found.gradient) < 1e-6);
  }
  // Fewer samples than features: the floor.
  for (const gram_side side : both_sides)
    CHECK(evaluate_loss<B>(singular_value{}, axes({12, 4, 2}), {12, 4, 2}, side).total ==
          doctest::Approx(12.0 * 12 / 4 - 12).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/singular_value: a collapse costs what the term states, and is stationary", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 10, 2};
  std::vector<double> z;
  for (int j = 0; j < 20; ++j) z.insert(z.end(), {0.5, -1, 2, 0.25, 1, -0.75});
  for (const reading r :
       {reading::s1, reading::s1_per_feature, reading::s1_centered, reading::s2, reading::s4})
    for (const gram_side side : both_sides) {
      const singular_value loss{r};
      const outcome found = evaluate_loss<B>(loss, z, shape, side);
      CHECK(std::abs(found.total - loss.collapsed(shape, 1).value) < 30 * tolerance<B>);
      if (r == reading::s1 || r == reading::s1_centered) CHECK(largest(found.gradient) < 30 * tolerance<B>);
    }
}

TEST_CASE_TEMPLATE(
    "loss/singular_value: blind to the length of any column, so the gradient is orthogonal to it", B,
    SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{6, 9, 2};
  const auto z = test_embeddings(shape);
  auto longer = z;
  for (std::size_t k = 0; k < z.size(); ++k) longer[k] *= 0.5 + static_cast<double>(k / 6);
  for (const reading r : {reading::s1, reading::s1_centered, reading::s2, reading::s4}) {
    const outcome found = evaluate_loss<B>(singular_value{r}, z, shape);
    CHECK(evaluate_loss<B>(singular_value{r}, longer, shape).total ==
          doctest::Approx(found.total).epsilon(1e-12));
    for (std::size_t j = 0; j < 18; ++j) {
      double along = 0;
      for (std::size_t i = 0; i < 6; ++i) along += z[6 * j + i] * found.gradient[6 * j + i];
      CHECK(std::abs(along) < 1e-12);
    }
  }
}

TEST_CASE_TEMPLATE("loss/singular_value: s1 is the Frobenius loss of unit columns on another scale", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{6, 9, 3};
  const auto z = test_embeddings(shape);
  const double square = evaluate_loss<B>(on(unit_length{}, frobenius{}), z, shape).total;
  CHECK(evaluate_loss<B>(singular_value{}, z, shape).total ==
        doctest::Approx(36 * square - 6).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/singular_value: uniform columns cost (d^2 - d) / n, nothing without bias", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{8, 64, 32};
  const auto z = normals(8 * 64 * 32, 5);
  CHECK(evaluate_loss<B>(singular_value{}, z, shape).total == doctest::Approx(56.0 / 64).epsilon(0.1));
  CHECK(std::abs(evaluate_loss<B>(singular_value{.unbiased = true}, z, shape).total) < 0.1);
}

TEST_CASE_TEMPLATE("loss/singular_value: large batches, which are not evaluated in double, agree with double",
                   B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{700, 90, 2}, {90, 700, 2}})
    for (const reading r : {reading::s1, reading::s1_centered, reading::s4}) {
      INFO(to_string(shape, gram_side::automatic));
      const auto z = test_embeddings(shape);
      const outcome exact = evaluate_loss<backend<double>>(singular_value{r}, z, shape);
      const outcome found = evaluate_loss<B>(singular_value{r}, z, shape);
      CHECK(found.total == doctest::Approx(exact.total).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, exact.gradient) < 2 * tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("loss/singular_value: what is no number stays none", B, SSL_BACKENDS) {
  auto z = test_embeddings({5, 7, 2});
  z[3] = std::nan("");
  for (const reading r : {reading::s1, reading::s1_centered, reading::s2, reading::s4})
    CHECK(std::isnan(evaluate_loss<B>(singular_value{r}, z, {5, 7, 2}).total));
}

}  // namespace ssl::test
