#include "ssl/loss/decoupled.hpp"

#include "ssl/loss/contrastive_recipes.hpp"
#include "support/contrast.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

using naive::dcl_weights;

/// The definition over pairs of views, detached weights taken from z itself.
auto over_pairs(double tau, dcl_weights weights, double sigma, const std::vector<double>& z,
                batch_shape shape) {
  return [=]<class S>(const naive::embeddings<S>& e) {
    const naive::embeddings<double> constants{z, shape};
    S sum{};
    double pairs = 0;
    for (ssl::index v = 0; v < shape.views; ++v)
      for (ssl::index w = v + 1; w < shape.views; ++w, ++pairs)
        sum += naive::decoupled(naive::pair_of_views(e, v, w), tau, weights, sigma,
                                naive::pair_of_views(constants, v, w));
    return sum / pairs;
  };
}

}  // namespace

TEST_CASE_TEMPLATE("loss/decoupled: DCL equals its definition over pairs of views and over all views", B,
                   SSL_BACKENDS) {
  for (const double tau : {0.5, 0.1}) {
    check_contrast<B>(
        decoupled_contrastive{.temperature = tau},
        [=]<class S>(const naive::embeddings<S>& e) {
          return naive::mean_over_pairs<S>(
              e, [=](const auto& p) { return naive::decoupled(p, tau, dcl_weights::none, 0.5, {}); });
        },
        tau);
    check_contrast<B>(
        decoupled_contrastive{.temperature = tau, .over = contrast::all_views},
        [=](const auto& e) { return naive::decoupled_all_views(e, tau); }, tau);
  }
}

TEST_CASE_TEMPLATE("loss/decoupled: DCLW with attached weights equals its definition", B, SSL_BACKENDS) {
  for (const double sigma : {0.5, 0.1})
    check_contrast<B>(
        weighted_decoupled_contrastive{.temperature = 0.2, .sigma = sigma, .attached = true},
        [=]<class S>(const naive::embeddings<S>& e) {
          return naive::mean_over_pairs<S>(
              e, [=](const auto& p) { return naive::decoupled(p, 0.2, dcl_weights::attached, sigma, {}); });
        },
        0.1);
}

TEST_CASE_TEMPLATE("loss/decoupled: DCLW with constant weights has the gradient that forgets them", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    INFO(to_string(shape, gram_side::automatic));
    const auto z = test_embeddings(shape);
    const auto definition = over_pairs(0.2, dcl_weights::detached, 0.3, z, shape);
    const outcome found =
        evaluate_loss<B>(weighted_decoupled_contrastive{.temperature = 0.2, .sigma = 0.3}, z, shape);
    const double value = definition(naive::embeddings<double>{z, shape});
    CHECK(std::abs(found.total - value) < tolerance<B> * std::max(1.0, std::abs(value)));
    CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < tolerance<B>);
    // The value does not depend on it.
    CHECK(found.total ==
          evaluate_loss<B>(weighted_decoupled_contrastive{.temperature = 0.2, .sigma = 0.3, .attached = true},
                           z, shape)
              .total);
  }
}

TEST_CASE_TEMPLATE("loss/decoupled: reference values", B, SSL_BACKENDS) {
  const auto z = reference_embeddings();
  const outcome found = evaluate_loss<B>(dcl(), z, reference_shape);
  CHECK(found.total == doctest::Approx(-2.3697851145).epsilon(digits<B>));
  CHECK(norm_of_view(found.gradient, reference_shape, 0) ==
        doctest::Approx(0.87659029).epsilon(digits<B> * 10));
  CHECK(evaluate_loss<B>(dclw(), z, reference_shape).total ==
        doctest::Approx(-2.3643890252).epsilon(digits<B>));
}

TEST_CASE_TEMPLATE("loss/decoupled: presets that add the two directions have twice the value", B,
                   SSL_BACKENDS) {
  const auto z = reference_embeddings();
  CHECK(evaluate_loss<B>(dcl_raminnakhli(), z, reference_shape).total ==
        doctest::Approx(2 * -2.3697851145).epsilon(digits<B>));
  CHECK(evaluate_loss<B>(dclw_raminnakhli(), z, reference_shape).total ==
        doctest::Approx(2 * -2.3643890252).epsilon(digits<B>));
  CHECK(evaluate_loss<B>(simclr_tensorflow(0.5), z, reference_shape).total ==
        doctest::Approx(2 * 1.3074990125).epsilon(digits<B>));
  CHECK(evaluate_loss<B>(simclr(), z, reference_shape).total ==
        doctest::Approx(1.3074990125).epsilon(digits<B>));
  CHECK(evaluate_loss<B>(simclr_solo_learn(0.5), z, reference_shape).total ==
        doctest::Approx(1.3074990125).epsilon(digits<B>));
}

TEST_CASE_TEMPLATE("loss/decoupled: a collapsed batch gives the logarithm of the number of negatives", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    const std::vector<double> z(static_cast<std::size_t>(shape.features * shape.columns()), 0.7);
    const double n = static_cast<double>(shape.samples), views = static_cast<double>(shape.views);
    CHECK(evaluate_loss<B>(dcl(), z, shape).total ==
          doctest::Approx(std::log(2 * n - 2)).epsilon(tolerance<B>));
    CHECK(evaluate_loss<B>(dclw(), z, shape).total ==
          doctest::Approx(std::log(2 * n - 2)).epsilon(tolerance<B>));
    CHECK(evaluate_loss<B>(decoupled_contrastive{.over = contrast::all_views}, z, shape).total ==
          doctest::Approx(std::log(views * (n - 1))).epsilon(tolerance<B>));
  }
}

TEST_CASE_TEMPLATE("loss/decoupled: blind to lengths and to the samples' order", B, SSL_BACKENDS) {
  check_symmetries<B>(decoupled_contrastive{.temperature = 0.2});
  check_symmetries<B>(decoupled_contrastive{.temperature = 0.2, .over = contrast::all_views});
  check_symmetries<B>(weighted_decoupled_contrastive{.temperature = 0.2});
  check_symmetries<B>(weighted_decoupled_contrastive{.temperature = 0.2, .attached = true});
}

TEST_CASE_TEMPLATE("loss/decoupled: in tiles as in whole, within the memory it is given", B, SSL_BACKENDS) {
  check_tiles<B>([](double tau, ssl::index memory) {
    return decoupled_contrastive{.temperature = tau, .memory = memory};
  });
  check_tiles<B>([](double tau, ssl::index memory) {
    return weighted_decoupled_contrastive{
        .temperature = tau, .attached = true, .over = contrast::all_views, .memory = memory};
  });
}

TEST_CASE_TEMPLATE("loss/decoupled: low temperatures neither overflow nor underflow", B, SSL_BACKENDS) {
  for (const double tau : {0.0251, 0.0249, 0.01, 0.005})
    check_low_temperature<B>(
        decoupled_contrastive{.temperature = tau},
        [=]<class S>(const naive::embeddings<S>& e) {
          return naive::mean_over_pairs<S>(
              e, [=](const auto& p) { return naive::decoupled(p, tau, dcl_weights::none, 0.5, {}); });
        },
        tau);
}

TEST_CASE_TEMPLATE("loss/decoupled: many pairs in float as in double", B, ssl::test::backend<float>) {
  check_many_pairs<B>([](double tau) { return decoupled_contrastive{.temperature = tau}; });
  check_many_pairs<B>([](double tau) {
    return weighted_decoupled_contrastive{.temperature = tau, .attached = true, .over = contrast::all_views};
  });
}

TEST_CASE_TEMPLATE("loss/decoupled: weights stay finite however sharp, one view has nothing to find", B,
                   SSL_BACKENDS) {
  const batch_shape shape{4, 6, 2};
  const outcome found =
      evaluate_loss<B>(weighted_decoupled_contrastive{.sigma = 1e-4}, normals(48, 3), shape);
  CHECK(std::isfinite(found.total));
  for (const double g : found.gradient) CHECK(std::isfinite(g));
  const outcome alone = evaluate_loss<B>(dcl() + dclw(), normals(12, 1), {3, 4, 1});
  CHECK(alone.total == 0.0);
  CHECK(largest(alone.gradient) == 0.0);
}
