#include "ssl/loss/nt_xent.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/contrast.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE(
    "loss/nt_xent: equals its definition over all views, over pairs of views, and with the sum inside", B,
    SSL_BACKENDS) {
  for (const double tau : {0.5, 0.1}) {
    INFO("temperature " << tau);
    check_contrast<B>(
        nt_xent{.temperature = tau}, [=](const auto& e) { return naive::nt_xent(e, tau); }, tau);
    check_contrast<B>(
        nt_xent{.temperature = tau, .over = contrast::pairs_of_views},
        [=]<class S>(const naive::embeddings<S>& e) {
          return naive::mean_over_pairs<S>(e, [=](const auto& p) { return naive::nt_xent(p, tau); });
        },
        tau);
    check_contrast<B>(
        nt_xent{.temperature = tau, .place = positives::inside},
        [=](const auto& e) { return naive::nt_xent(e, tau, true); }, tau);
  }
}

TEST_CASE_TEMPLATE("loss/nt_xent: reference values", B, SSL_BACKENDS) {
  const auto z = reference_embeddings();
  const outcome found = evaluate_loss<B>(nt_xent{}, z, reference_shape);
  CHECK(found.total == doctest::Approx(1.3074990125).epsilon(digits<B>));
  CHECK(norm_of_view(found.gradient, reference_shape, 0) ==
        doctest::Approx(0.11203934).epsilon(digits<B> * 100));
  CHECK(evaluate_loss<B>(nt_xent{.temperature = 0.1}, z, reference_shape).total ==
        doctest::Approx(0.0948368455).epsilon(digits<B>));
}

TEST_CASE_TEMPLATE("loss/nt_xent: a collapsed batch gives the logarithm of the number of others", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    const std::vector<double> z(static_cast<std::size_t>(shape.features * shape.columns()), 0.7);
    const outcome found = evaluate_loss<B>(nt_xent{}, z, shape);
    CHECK(found.total ==
          doctest::Approx(std::log(static_cast<double>(shape.columns() - 1))).epsilon(tolerance<B>));
    CHECK(largest(found.gradient) < 10 * tolerance<B>);
    const outcome pairs = evaluate_loss<B>(nt_xent{.over = contrast::pairs_of_views}, z, shape);
    CHECK(pairs.total ==
          doctest::Approx(std::log(static_cast<double>(2 * shape.samples - 1))).epsilon(tolerance<B>));
  }
}

TEST_CASE_TEMPLATE("loss/nt_xent: blind to lengths and to the samples' order", B, SSL_BACKENDS) {
  for (const contrast over : {contrast::all_views, contrast::pairs_of_views})
    check_symmetries<B>(nt_xent{.temperature = 0.2, .over = over});
  check_symmetries<B>(nt_xent{.temperature = 0.2, .place = positives::inside});
}

TEST_CASE_TEMPLATE("loss/nt_xent: in tiles as in whole, within the memory it is given", B, SSL_BACKENDS) {
  for (const contrast over : {contrast::all_views, contrast::pairs_of_views})
    check_tiles<B>([over](double tau, ssl::index memory) {
      return nt_xent{.temperature = tau, .over = over, .memory = memory};
    });
}

TEST_CASE_TEMPLATE("loss/nt_xent: low temperatures neither overflow nor underflow", B, SSL_BACKENDS) {
  for (const double tau : {0.03, 0.0251, 0.0249, 0.01, 0.005}) {
    check_low_temperature<B>(
        nt_xent{.temperature = tau}, [=](const auto& e) { return naive::nt_xent(e, tau); }, tau);
    check_low_temperature<B>(
        nt_xent{.temperature = tau, .over = contrast::pairs_of_views},
        [=]<class S>(const naive::embeddings<S>& e) {
          return naive::mean_over_pairs<S>(e, [=](const auto& p) { return naive::nt_xent(p, tau); });
        },
        tau);
  }
}

TEST_CASE_TEMPLATE("loss/nt_xent: many pairs in float as in double", B, ssl::test::backend<float>) {
  check_many_pairs<B>([](double tau) { return nt_xent{.temperature = tau}; });
  check_many_pairs<B>(
      [](double tau) { return nt_xent{.temperature = tau, .over = contrast::pairs_of_views}; });
  check_many_pairs<B>([](double tau) { return nt_xent{.temperature = tau, .place = positives::inside}; });
}

TEST_CASE_TEMPLATE("loss/nt_xent: one view has nothing to find", B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(nt_xent{}, normals(12, 1), {3, 4, 1});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/nt_xent: columns of zeros stay where they are, a NaN is not hidden", B,
                   SSL_BACKENDS) {
  const batch_shape shape{4, 5, 2};
  auto z = normals(40, 4);
  for (std::size_t k = 8; k < 12; ++k) z[k] = 0;
  const outcome found = evaluate_loss<B>(nt_xent{.temperature = 0.01}, z, shape);
  CHECK(std::isfinite(found.total));
  z[8] = std::nan("");
  for (const double tau : {0.5, 0.01})
    CHECK(std::isnan(evaluate_loss<B>(nt_xent{.temperature = tau}, z, shape).total));
}
