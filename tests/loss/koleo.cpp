#include "ssl/loss/koleo.hpp"

#include "support/contrast.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/koleo: equals minus the mean logarithm of the distance to the nearest other sample",
                   B, SSL_BACKENDS) {
  check_against_definition<B>(koleo{}, [](const auto& e) { return naive::koleo(e, 1e-8); });
  check_against_definition<B>(koleo{.epsilon = 0.1, .reduction = over_views::sum},
                              [](const auto& e) { return naive::koleo(e, 0.1, over_views::sum); });
}

TEST_CASE_TEMPLATE("loss/koleo: a collapsed view gives minus the logarithm of epsilon and is not moved", B,
                   SSL_BACKENDS) {
  const std::vector<double> z(40, 0.5);
  const outcome found = evaluate_loss<B>(koleo{}, z, {4, 5, 2});
  CHECK(found.total == doctest::Approx(-std::log(1e-8)).epsilon(1e-12));
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/koleo: orthonormal samples have distance root two", B, SSL_BACKENDS) {
  std::vector<double> z(16, 0.0);
  for (std::size_t j = 0; j < 4; ++j) z[5 * j] = 1 + static_cast<double>(j);
  CHECK(evaluate_loss<B>(koleo{}, z, {4, 4, 1}).total ==
        doctest::Approx(-std::log(std::sqrt(2.0) + 1e-8)).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/koleo: blind to lengths, to the samples' order and to rotations", B, SSL_BACKENDS) {
  check_symmetries<B>(koleo{});
}

TEST_CASE_TEMPLATE("loss/koleo: in tiles as in whole", B, SSL_BACKENDS) {
  const batch_shape shape{6, 300, 2};
  const auto z = test_embeddings(shape);
  const outcome whole = evaluate_loss<B>(koleo{}, z, shape);
  for (const ssl::index memory : {ssl::index{1}, ssl::index{300 * 300}}) {
    const outcome tiles = evaluate_loss<B>(koleo{.memory = memory}, z, shape);
    CHECK(tiles.total == doctest::Approx(whole.total).epsilon(tolerance<B>));
    CHECK(relative_error(tiles.gradient, whole.gradient) < tolerance<B>);
  }
}
