#include "ssl/loss/alignment.hpp"

#include "support/contrast.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/alignment: equals the mean power of the distance over pairs of views", B,
                   SSL_BACKENDS) {
  for (const double alpha : {2.0, 1.0, 3.0, 1.5})
    check_against_definition<B>(alignment{.alpha = alpha},
                                [=](const auto& e) { return naive::alignment(e, alpha); });
}

TEST_CASE_TEMPLATE("loss/alignment: reference value", B, SSL_BACKENDS) {
  CHECK(evaluate_loss<B>(alignment{}, reference_embeddings(), reference_shape).total ==
        doctest::Approx(0.0712582246).epsilon(digits<B>));
}

TEST_CASE_TEMPLATE("loss/alignment: identical views cost nothing and are not moved, whatever the power", B,
                   SSL_BACKENDS) {
  const batch_shape shape{5, 6, 3};
  const auto view = normals(30, 3);
  std::vector<double> z;
  for (int v = 0; v < 3; ++v) z.insert(z.end(), view.begin(), view.end());
  for (const double alpha : {1.0, 1.5, 3.0}) {
    const outcome found = evaluate_loss<B>(alignment{.alpha = alpha}, z, shape);
    CHECK(found.total == 0.0);
    CHECK(largest(found.gradient) == 0.0);
  }
  CHECK(evaluate_loss<B>(alignment{}, z, shape).total < 1e-30);
  CHECK(evaluate_loss<B>(alignment{.alpha = 1}, normals(12, 1), {3, 4, 1}).total == 0.0);
  CHECK(evaluate_loss<B>(alignment{}, normals(12, 1), {3, 4, 1}).total == 0.0);
}

TEST_CASE_TEMPLATE("loss/alignment: blind to lengths, to the samples' order and to rotations", B,
                   SSL_BACKENDS) {
  check_symmetries<B>(alignment{});
  check_symmetries<B>(alignment{.alpha = 1});
}
