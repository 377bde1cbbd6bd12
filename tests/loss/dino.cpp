#include "ssl/loss/dino.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

std::vector<double> codes_of(const dino& loss, const std::vector<double>& targets, batch_shape shape,
                             const std::vector<double>& centre) {
  const index k = shape.features;
  const index views = loss.teaching <= 0 ? shape.views : std::min(loss.teaching, shape.views);
  std::vector<double> codes;
  for (index c = 0; c < views * shape.samples; ++c) {
    std::vector<double> q;
    for (index i = 0; i < k; ++i)
      q.push_back((targets[static_cast<std::size_t>(c * k + i)] - centre[static_cast<std::size_t>(i)]) /
                  loss.teacher_temperature);
    const double top = *std::max_element(q.begin(), q.end());
    double mass = 0;
    for (double& x : q) mass += x = std::exp(x - top);
    for (const double x : q) codes.push_back(x / mass);
  }
  return codes;
}

template <class B>
constexpr double accuracy = by_scalar<B>(1e-4, 1e-11);

std::vector<double> floats(std::vector<double> x) {
  for (double& v : x) v = static_cast<double>(static_cast<float>(v));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/dino: equals its definition with a centre, teachers held constant", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const index teaching : {index{2}, index{0}, index{1}}) {
      INFO(to_string(shape, gram_side::automatic) << ", " << teaching << " teach");
      const dino loss{.teaching = teaching};
      const auto z = test_embeddings(shape), t = test_embeddings(shape, 2);
      const auto centre = floats(normals(shape.features, 3, 0.3));
      const auto codes = codes_of(loss, t, shape, centre);
      const beside more{.targets = t, .state = centre};
      const auto definition = [&](const auto& e) { return naive::code_entropy(e, codes, 0.1); };
      check_held<B>(loss, definition, z, shape, more, accuracy<B>);
      if constexpr (std::is_same_v<typename B::scalar, double>)
        CHECK(relative_error(evaluate_beside<B>(loss, z, shape, more).gradient,
                             finite_difference(
                                 [&](const std::vector<double>& x) {
                                   return evaluate_beside<B>(loss, x, shape, more).total;
                                 },
                                 z)) < 1e-6);
    }
}

TEST_CASE_TEMPLATE("loss/dino: reference value of a student and a teacher", B, SSL_BACKENDS) {
  // The student's view is A, the teacher's other view is B: only view 0 teaches, so view 1 is the student's.
  auto z = reference_embeddings();
  std::rotate(z.begin(), z.begin() + 48, z.end());
  const outcome found =
      evaluate_beside<B>(dino{.teaching = 1}, z, reference_shape, {.state = std::vector<double>(6, 0.0)});
  CHECK(found.total == doctest::Approx(0.5831511345).epsilon(by_scalar<B>(1e-5, 1e-9)));
}

TEST_CASE_TEMPLATE("loss/dino: logits without information give ln(K)", B, SSL_BACKENDS) {
  const batch_shape shape{37, 3, 2};
  const outcome found = evaluate_beside<B>(dino{}, std::vector<double>(37 * 6, -2.0), shape,
                                           {.state = std::vector<double>(37, 1.0)});
  CHECK(found.total == doctest::Approx(std::log(37.0)).epsilon(1e-6));
  CHECK(largest(found.gradient) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/dino: the centre follows the mean of the teaching views' logits", B, SSL_BACKENDS) {
  const batch_shape shape{4, 5, 3};
  const dino loss{.momentum = 0.75};
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const auto targets = test_embeddings(shape, 2);
  const matrix<B> z(be, 4, 15, test_embeddings(shape)), t(be, 4, 15, targets);
  matrix<B> state(be, state_size(loss, shape), 1), dz(be, 4, 15);
  start_state(ctx, loss, shape, {}, state());
  REQUIRE(state.get() == std::vector<double>(4, 0.0));
  const view_batch<B> batch{.z = z.read(), .views = 3, .targets = t.read(), .state = state.read()};

  std::vector<double> expected(4, 0.0);
  for (int step = 0; step < 3; ++step) {
    const double before = evaluate(ctx, loss, batch, dz()).total;
    CHECK(evaluate(ctx, loss, batch, dz()).total == before);
    update_state(ctx, loss, batch, state());
    for (std::size_t i = 0; i < 4; ++i) {
      double mean = 0;
      for (std::size_t j = 0; j < 10; ++j) mean += targets[4 * j + i] / 10;
      expected[i] = 0.75 * expected[i] + 0.25 * mean;
    }
    CHECK(relative_error(state.get(), expected) < tolerance<B>);
    CHECK(evaluate(ctx, loss, batch, dz()).total != before);
  }
}

TEST_CASE_TEMPLATE("loss/dino: large logits give finite numbers, one view has nothing to predict", B,
                   SSL_BACKENDS) {
  const batch_shape shape{5, 6, 2};
  for (const double scale : {1e-9, 1e3, 1e8}) {
    auto z = test_embeddings(shape);
    for (double& x : z) x *= scale;
    const outcome found = evaluate_beside<B>(dino{}, z, shape, {.state = std::vector<double>(5, 0.0)});
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
  CHECK(evaluate_beside<B>(dino{}, test_embeddings({5, 4, 1}), {5, 4, 1},
                           {.state = std::vector<double>(5, 0.0)})
            .total == 0.0);
}

}  // namespace ssl::test
