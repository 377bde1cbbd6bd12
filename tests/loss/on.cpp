#include "ssl/loss/on.hpp"

#include "ssl/loss/covariance.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/patch_similarity.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

/// t = s z, with nothing to keep.
struct stretched {
  using kind = columns_kind;
  double factor = 3;

  template <class B>
  struct tape {};

  template <class Ctx, class B = typename Ctx::backend>
  tape<B> forward(Ctx& ctx, view_batch<B> z, view<B> t) const {
    using T = typename B::scalar;
    map(ctx.be, t, fn::scale<T>{static_cast<T>(factor)}, z.z);
    return {};
  }
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, tape<B>, view_batch<B>, cview<B>, view<B> dt, view<B> dz) const {
    using T = typename B::scalar;
    map(ctx.be, dz, fn::axpy<T>{static_cast<T>(factor)}, dt, dz);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("loss/on: a loss on unit columns is the loss of the normalised batch", B, SSL_BACKENDS) {
  check_against_definition<B>(on(unit_length{}, frobenius{}), []<class S>(const naive::embeddings<S>& e) {
    return naive::frobenius(naive::unit(e));
  });
}

TEST_CASE_TEMPLATE("loss/on: joint and view terms mix, changes nest", B, SSL_BACKENDS) {
  const auto loss =
      on(stretched{0.5}, 2 * invariance{} + on(unit_length{}, covariance{} + 3 * frobenius{})) + invariance{};
  check_against_definition<B>(loss, []<class S>(const naive::embeddings<S>& e) {
    auto half = e;
    for (S& x : half.z) x *= 0.5;
    const auto unit = naive::unit(e);
    return 2.0 * naive::invariance(half) + naive::covariance(unit) + 3.0 * naive::frobenius(unit) +
           naive::invariance(e);
  });
}

TEST_CASE("loss/on: every part keeps its name, its value and its weight") {
  const auto loss =
      2 * on(stretched{3}, invariance{} + 5 * on(unit_length{}, frobenius{})) + 7 * covariance{};
  static_assert(term_count<decltype(loss)> == 3);
  CHECK(term_names(loss) == std::array<std::string_view, 3>{"inv", "fro", "cov"});
  CHECK(term_weights(loss) == std::array<double, 3>{2, 10, 7});

  const batch_shape shape{5, 6, 2};
  const auto z = test_embeddings(shape);
  const auto found = evaluate_loss<backend<double>>(loss, z, shape);
  const naive::embeddings<double> e{z, shape};
  CHECK(found.terms[0] == doctest::Approx(9 * naive::invariance(e)));
  CHECK(found.terms[1] == doctest::Approx(naive::frobenius(naive::unit(e))));
  CHECK(found.terms[2] == doctest::Approx(naive::covariance(e)));
}

TEST_CASE("loss/on: a term on unit columns may be wrapped once more without harm") {
  const batch_shape shape{5, 6, 3};
  const auto z = test_embeddings(shape);
  const auto once = evaluate_loss<backend<double>>(patch_similarity{}, z, shape);
  const auto twice = evaluate_loss<backend<double>>(on(unit_length{}, patch_similarity{}), z, shape);
  CHECK(twice.total == doctest::Approx(once.total));
  CHECK(relative_error(twice.gradient, once.gradient) < 1e-12);
}

}  // namespace ssl::test
