#include "ssl/loss/swav.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

/// Sinkhorn's codes of the first views, each with its m columns of the bank.
std::vector<double> codes_of(const swav& loss, const std::vector<double>& z, batch_shape shape,
                             const std::vector<double>& bank = {}) {
  const index k = shape.features, n = shape.samples;
  const index views = loss.assigning <= 0 ? shape.views : std::min(loss.assigning, shape.views);
  const index m = static_cast<index>(bank.size()) / (k * views), all = n + m;
  std::vector<double> codes;
  for (index a = 0; a < views; ++a) {
    std::vector<double> q(z.begin() + static_cast<std::ptrdiff_t>(a * n * k),
                          z.begin() + static_cast<std::ptrdiff_t>((a + 1) * n * k));
    q.insert(q.end(), bank.begin() + static_cast<std::ptrdiff_t>(a * m * k),
             bank.begin() + static_cast<std::ptrdiff_t>((a + 1) * m * k));
    const double most = *std::max_element(q.begin(), q.end());
    for (double& x : q) x = std::exp((x - most) / loss.assignment.epsilon);
    const auto at = [&](index i, index j) -> double& { return q[static_cast<std::size_t>(j * k + i)]; };
    for (int step = 0; step < loss.assignment.iterations; ++step) {
      for (index i = 0; i < k; ++i) {
        double sum = 0;
        for (index j = 0; j < all; ++j) sum += at(i, j);
        for (index j = 0; j < all; ++j) at(i, j) /= sum;
      }
      for (index j = 0; j < all; ++j) {
        double sum = 0;
        for (index i = 0; i < k; ++i) sum += at(i, j);
        for (index i = 0; i < k; ++i) at(i, j) /= sum;
      }
    }
    codes.insert(codes.end(), q.begin(), q.begin() + static_cast<std::ptrdiff_t>(n * k));
  }
  return codes;
}

/// Scores as cosines: in [-1, 1].
std::vector<double> scores_of(batch_shape shape, unsigned seed) {
  auto s = test_embeddings(shape, seed);
  for (double& x : s) x = static_cast<double>(static_cast<float>(std::tanh(x)));
  return s;
}

/// The reference embeddings' scores: four prototypes cos(0.3 + 0.8 k + 0.4 j), all at length one.
std::vector<double> reference_scores() {
  const auto z = reference_embeddings();
  std::vector<double> scores;
  for (index c = 0; c < 16; ++c)
    for (int k = 0; k < 4; ++k) {
      double product = 0, squared = 0;
      for (int j = 0; j < 6; ++j) {
        const double entry = std::cos(0.3 + 0.8 * k + 0.4 * j);
        product += entry * z[static_cast<std::size_t>(c * 6 + j)], squared += entry * entry;
      }
      scores.push_back(product / (std::sqrt(squared) * norm_of(z, 6, c, 1)));
    }
  return scores;
}

template <class B>
constexpr double accuracy = by_scalar<B>(4e-5, 1e-11);

}  // namespace

TEST_CASE_TEMPLATE("loss/swav: equals its definition, codes held constant, with and without a bank", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const index assigning : {index{2}, index{0}, index{1}})
      for (const index m : {index{0}, index{5}}) {
        INFO(to_string(shape, gram_side::automatic) << ", " << assigning << " assign, bank " << m);
        const swav loss{.assigning = assigning};
        const index views = assigning <= 0 ? shape.views : assigning;
        const auto z = scores_of(shape, 1);
        const auto bank = m == 0 ? std::vector<double>{} : scores_of({shape.features, m, views}, 9);
        const auto codes = codes_of(loss, z, shape, bank);
        check_held<B>(
            loss, [&](const auto& e) { return naive::code_entropy(e, codes, 0.1); }, z, shape, {.bank = bank},
            accuracy<B>);
      }
}

TEST_CASE_TEMPLATE("loss/swav: the gradient agrees with differences of the views that do not assign", B,
                   SSL_DOUBLE_BACKENDS) {
  // View 0 assigns: its scores change the codes, those of view 1 and 2 do not.
  const batch_shape shape{4, 3, 3};
  const swav loss{.assigning = 1};
  const auto z = scores_of(shape, 2);
  auto analytic = evaluate_loss<B>(loss, z, shape).gradient;
  auto differences = finite_difference(
      [&](const std::vector<double>& x) { return evaluate_loss<B>(loss, x, shape).total; }, z);
  for (std::size_t k = 0; k < 12; ++k) {
    CHECK(analytic[k] == 0.0);  // no gradient through the codes
    differences[k] = 0;
  }
  CHECK(relative_error(analytic, differences) < 1e-8);
}

TEST_CASE_TEMPLATE("loss/swav: reference value of two views", B, SSL_BACKENDS) {
  constexpr bool is_float = std::is_same_v<typename B::scalar, float>;
  const auto s = reference_scores();
  const batch_shape shape{4, 8, 2};
  CHECK(evaluate_loss<B>(swav{}, s, shape).total ==
        doctest::Approx(1.0434317839).epsilon(is_float ? 1e-5 : 1e-9));
  // View 0 assigns alone: CE(Q_A, S_B).
  CHECK(evaluate_loss<B>(swav{.assigning = 1}, s, shape).total ==
        doctest::Approx(1.3663174378).epsilon(is_float ? 1e-5 : 1e-9));
}

TEST_CASE_TEMPLATE("loss/swav: scores without information give ln(K)", B, SSL_BACKENDS) {
  const batch_shape shape{21, 4, 2};
  const outcome found = evaluate_loss<B>(swav{}, std::vector<double>(21 * 8, 0.25), shape);
  CHECK(found.total == doctest::Approx(std::log(21.0)).epsilon(1e-6));
  CHECK(largest(found.gradient) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/swav: every column of the gradient sums to zero, samples may be permuted", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{5, 6, 3};
  const auto z = scores_of(shape, 3);
  const outcome found = evaluate_loss<B>(swav{}, z, shape);
  for (std::size_t j = 0; j < 18; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) sum += found.gradient[5 * j + i];
    CHECK(std::abs(sum) < 1e-14);
  }
  const auto order = reversed(6);
  const outcome other = evaluate_loss<B>(swav{}, permute_samples(z, shape, order), shape);
  CHECK(other.total == doctest::Approx(found.total).epsilon(1e-12));
  CHECK(relative_error(other.gradient, permute_samples(found.gradient, shape, order)) < 1e-11);
}

TEST_CASE_TEMPLATE("loss/swav: large scores and a small epsilon give finite numbers", B, SSL_BACKENDS) {
  const batch_shape shape{5, 6, 2};
  for (const double scale : {1e-9, 1.0, 1e3}) {
    auto z = scores_of(shape, 3);
    for (double& x : z) x *= scale;
    const outcome found = evaluate_loss<B>(swav{.assignment = {.epsilon = 0.005}}, z, shape);
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
}

TEST_CASE("loss/swav: a bank that does not fit is told, one view has nothing to predict") {
  using B = backend<double>;
  const batch_shape shape{3, 4, 2};
  CHECK_THROWS_WITH_AS(evaluate_beside<B>(swav{}, scores_of(shape, 1), shape, {.bank = normals(9, 1)}),
                       "ssl::swav: the bank is 3x3; it must be (3, 2 * m)", shape_error);
  CHECK(evaluate_loss<B>(swav{}, scores_of({3, 4, 1}, 1), {3, 4, 1}).total == 0.0);
}

}  // namespace ssl::test
