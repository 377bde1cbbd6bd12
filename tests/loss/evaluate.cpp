#include "ssl/loss/evaluate.hpp"

#include <limits>

#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

/// Every term of the library at once.
constexpr auto everything() { return vicreg_official() + frobenius{} + emp_ssl(); }

/// The sentence that an evaluation throws.
template <class B, class Call>
std::string complaint(const Call& call) {
  try {
    call();
  } catch (const shape_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE("loss/evaluate: the feature side equals the sample side, term by term", B, SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    INFO(to_string(shape, gram_side::automatic));
    const auto z = test_embeddings(shape, 5);
    const outcome f = evaluate_loss<B>(everything(), z, shape, gram_side::features);
    const outcome s = evaluate_loss<B>(everything(), z, shape, gram_side::samples);
    for (std::size_t k = 0; k < f.terms.size(); ++k)
      CHECK(f.terms[k] == doctest::Approx(s.terms[k]).epsilon(tolerance<B>));
    CHECK(relative_error(f.gradient, s.gradient) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/evaluate: the automatic side is one of the two", B, SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    const auto z = test_embeddings(shape);
    const gram_side cheaper = shape.samples < shape.features ? gram_side::samples : gram_side::features;
    const outcome a = evaluate_loss<B>(everything(), z, shape),
                  b = evaluate_loss<B>(everything(), z, shape, cheaper);
    CHECK(a.terms == b.terms);
    CHECK(a.gradient == b.gradient);
  }
}

TEST_CASE_TEMPLATE("loss/evaluate: permuting the samples of all views alike permutes the gradient", B,
                   SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const auto order = reversed(shape.samples);
      const outcome a = evaluate_loss<B>(everything(), z, shape, side);
      const outcome b = evaluate_loss<B>(everything(), permute_samples(z, shape, order), shape, side);
      for (std::size_t k = 0; k < a.terms.size(); ++k)
        CHECK(b.terms[k] == doctest::Approx(a.terms[k]).epsilon(1e-12));
      CHECK(relative_error(b.gradient, permute_samples(a.gradient, shape, order)) < 1e-11);
    }
}

TEST_CASE_TEMPLATE("loss/evaluate: exchanging the views exchanges their gradients", B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{7, 5, 2};
  const auto z = test_embeddings(shape);
  const auto exchange = [](std::vector<double> x) {
    std::rotate(x.begin(), x.begin() + 35, x.end());
    return x;
  };
  const outcome a = evaluate_loss<B>(everything(), z, shape),
                b = evaluate_loss<B>(everything(), exchange(z), shape);
  CHECK(b.total == doctest::Approx(a.total).epsilon(1e-12));
  CHECK(relative_error(b.gradient, exchange(a.gradient)) < 1e-11);
}

TEST_CASE_TEMPLATE("loss/evaluate: one NaN among the embeddings reaches every term's value", B,
                   SSL_BACKENDS) {
  const batch_shape shape{12, 5, 2};
  for (const gram_side side : both_sides)
    for (const std::size_t place : {std::size_t{0}, std::size_t{59}, std::size_t{60}, std::size_t{119}}) {
      INFO(to_string(shape, side) << ", entry " << place);
      auto z = test_embeddings(shape);
      z[place] = std::numeric_limits<double>::quiet_NaN();
      const outcome found = evaluate_loss<B>(everything(), z, shape, side);
      for (std::size_t k = 0; k < found.terms.size(); ++k) {
        INFO("term " << k);
        CHECK(std::isnan(found.terms[k]));
      }
      CHECK(std::isnan(found.total));
    }
}

TEST_CASE_TEMPLATE("loss/evaluate: tiny and huge embeddings give finite numbers", B, SSL_BACKENDS) {
  const batch_shape shape{12, 5, 2};
  for (const gram_side side : both_sides)
    for (const double scale : {1e-9, 1e9}) {
      INFO(to_string(shape, side) << ", scale " << scale);
      auto z = test_embeddings(shape);
      for (double& x : z) x *= scale;
      const outcome found = evaluate_loss<B>(everything(), z, shape, side);
      CHECK(std::isfinite(found.total));
      for (const double g : found.gradient) CHECK(std::isfinite(g));
    }
}

TEST_CASE_TEMPLATE("loss/evaluate: after the first call nothing is allocated", B, SSL_BACKENDS) {
  const batch_shape shape{12, 6, 3};
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> z(be, 12, 18, test_embeddings(shape));
  matrix<B> dz(be, 12, 18);
  constexpr auto loss = everything();
  auto values = be.template allocate<double>(term_count<decltype(everything())>);
  const auto row = values.all().reshaped(1, term_count<decltype(everything())>);
  for (const gram_side side : both_sides) value_and_gradient(ctx, loss, {z.read(), 3}, row, dz(), side);
  const index before = be.allocations();
  for (int step = 0; step < 3; ++step)
    for (const gram_side side : both_sides) value_and_gradient(ctx, loss, {z.read(), 3}, row, dz(), side);
  CHECK(be.allocations() == before);
}

TEST_CASE_TEMPLATE("loss/evaluate: values and gradient are overwritten, and repeat bit for bit", B,
                   SSL_BACKENDS) {
  const batch_shape shape{12, 6, 3};
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> z(be, 12, 18, test_embeddings(shape));
  matrix<B> dz(be, 12, 18);
  const loss_report first = evaluate(ctx, everything(), view_batch<B>{z.read(), 3}, dz());
  const auto gradient = dz.get();
  const loss_report second = evaluate(ctx, everything(), view_batch<B>{z.read(), 3}, dz());
  CHECK(second.total == first.total);
  CHECK(dz.get() == gradient);
}

TEST_CASE_TEMPLATE("loss/evaluate: a report carries names, weights and their weighted sum", B, SSL_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const matrix<B> z(work.backend(), 3, 8, normals(24, 1));
  matrix<B> dz(work.backend(), 3, 8);
  const loss_report found =
      evaluate(ctx, 2 * invariance{} + 3 * frobenius{}, view_batch<B>{z.read(), 2}, dz());
  REQUIRE(found.terms.size() == 2);
  CHECK(found.terms[0].name == "inv");
  CHECK(found.terms[1].name == "fro");
  CHECK(found.terms[1].weight == 3);
  CHECK(found.total == doctest::Approx(2 * found.terms[0].value + 3 * found.terms[1].value).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("loss/evaluate: a shape that does not fit is told what was found and what was expected", B,
                   SSL_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const auto attempt = [&](index columns, index views, index gradient_columns) {
    return complaint<B>([&] {
      const matrix<B> z(be, 3, columns), dz(be, 3, gradient_columns);
      evaluate(ctx, variance{}, view_batch<B>{z.read(), views}, dz());
    });
  };
  CHECK(attempt(8, 2, 8) == "");
  const std::string expected = "; it must be (d, views * n) with d >= 1 and n >= 2";
  CHECK(attempt(8, 3, 8) == "ssl::value_and_gradient: z is 3x8 for 3 views" + expected);
  CHECK(attempt(4, 4, 4) == "ssl::value_and_gradient: z is 3x4 for 4 views" + expected);
  CHECK(attempt(4, 0, 4) == "ssl::value_and_gradient: z is 3x4 for 0 views" + expected);
  CHECK(attempt(8, 2, 6) == "ssl::value_and_gradient: dz is 3x6, values is 1x1; they must be 3x8 and 1x1");
}

TEST_CASE_TEMPLATE("loss/evaluate: two samples are enough", B, SSL_BACKENDS) {
  // One feature at -1 and 1: variance 2. Far past the target, so VICReg is zero but for the covariance.
  const outcome found = evaluate_loss<B>(vicreg_official(), {-1, -1, 1, 1, -1, -1, 1, 1}, {2, 2, 2});
  CHECK(found.terms[0] == 0.0);
  CHECK(found.terms[1] == 0.0);
  CHECK(found.terms[2] == doctest::Approx(8.0).epsilon(1e-12));
}

}  // namespace ssl::test
