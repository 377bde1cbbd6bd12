#include "ssl/train/collapse.hpp"

#include "ssl/core/finite.hpp"
#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

namespace {

using namespace ssl;
using texts = std::vector<std::string>;

texts said(const std::vector<collapse_sign>& signs) {
  texts out;
  for (const auto& sign : signs) out.push_back(sign.text());
  return out;
}

const health alive{.feature_spread = 0.9, .participation_ratio = 20, .effective_rank = 40, .length = 1};
const health dead{.feature_spread = 0.0021, .participation_ratio = 20, .effective_rank = 1, .length = 1};
const std::string flat = "embeddings identical: the feature spread is 0.0021, and even directions give 1";

/// One term of that value, which would be worth `at` at a collapse.
texts signs_of(double value, collapse_value at, const health& state) {
  const loss_report report{.total = value, .terms = {{"mine", value, 1}}};
  return said(collapse_signs(report, std::span(&at, 1), state));
}

/// A user's own term.
struct own {
  using kind = loss_kind;
  static constexpr std::string_view name = "own";
  double height = 3;
  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx&, double, view_batch<B>, accumulator_view<B>, view<B>) const {}
  collapse_value collapsed(batch_shape shape, double) const {
    return {height * static_cast<double>(shape.samples), "h n"};
  }
};

}  // namespace

TEST_CASE("train/collapse: a term at its value is named, close by where the spread agrees and closer alone") {
  const collapse_value at{6.2, "ln(V n - 1)"};
  CHECK(signs_of(6.15, at, dead) ==
        texts{flat, "embeddings identical: mine is 6.15, and equal embeddings give ln(V n - 1) = 6.2"});
  CHECK(signs_of(6.1, at, dead) == texts{flat});
  CHECK(signs_of(6.203, at, alive) ==
        texts{"as at a collapse: mine is 6.203, and equal embeddings give ln(V n - 1) = 6.2"});
  CHECK(signs_of(6.15, at, alive) == texts{});
}

TEST_CASE("train/collapse: a term at its optimum is a sign only where the embeddings agree") {
  const collapse_value optimum{.value = 0, .best = true}, top{.value = 0};
  CHECK(signs_of(0, optimum, alive) == texts{});
  CHECK(signs_of(0.002, optimum, dead) ==
        texts{flat, "embeddings identical: mine is 0.002, and equal embeddings give 0"});
  CHECK(signs_of(0.0005, top, alive) ==
        texts{"as at a collapse: mine is 0.0005, and equal embeddings give 0"});
  CHECK(signs_of(0.02, top, dead) == texts{flat});
}

TEST_CASE("train/collapse: a term without a value, and numbers that are not finite, are no sign") {
  const double nan = ssl::not_a_number<double>();
  CHECK(signs_of(1, {}, alive) == texts{});
  CHECK(signs_of(nan, {1, "1"}, alive) == texts{});
  health broken = alive;
  broken.feature_spread = broken.participation_ratio = nan;
  CHECK(signs_of(2, {1, "1"}, broken) == texts{});
}

TEST_CASE("train/collapse: a line is named where the embeddings are not identical") {
  health line = alive;
  line.participation_ratio = 1.02;
  CHECK(signs_of(1, {}, line) ==
        texts{"embeddings on a line: the participation ratio is 1.02, and one direction gives 1"});
  line.feature_spread = dead.feature_spread;
  CHECK(signs_of(1, {}, line) == texts{flat});
}

TEST_CASE("train/collapse: limits of one's own hold") {
  const collapse_value at{6.2, "ln(V n - 1)"};
  const loss_report report{.total = 6, .terms = {{"mine", 6, 1}}};
  CHECK(collapse_signs(report, std::span(&at, 1), alive, {.alone = 0.05}).size() == 1);
  CHECK(
      collapse_signs(report, std::span(&at, 1), alive, {.feature_spread = 0.95, .confirmed = 0.05}).size() ==
      2);
}

TEST_CASE("train/collapse: a user's own term takes part, a term that states nothing does not") {
  const auto loss = 2 * own{.height = 0.5} + covariance{};
  const loss_report report{.total = 8, .terms = {{"own", 4, 2}, {"cov", 0, 1}}};
  CHECK(said(collapse_signs(loss, report, {6, 8, 2}, alive)) ==
        texts{"as at a collapse: own is 4, and equal embeddings give h n = 4"});
}

TEST_CASE_TEMPLATE("train/collapse: VICReg and EMP-SSL on identical and on even embeddings", B,
                   SSL_BACKENDS) {
  const batch_shape shape{12, 40, 2};
  const auto look = [&](const auto& loss, const std::vector<double>& z) {
    workspace<B> work;
    auto ctx = work.ctx();
    const test::matrix<B> x(work.backend(), shape.features, shape.columns(), z);
    const test::matrix<B> dx(work.backend(), shape.features, shape.columns());
    const auto report = evaluate(ctx, loss, view_batch<B>{x.read(), shape.views}, dx());
    return said(collapse_signs(loss, report, shape, check_health(ctx, x.read(), shape.views)));
  };
  auto identical = test::normals(shape.features * shape.columns(), 5, 1e-3);
  const auto column = test::normals(shape.features, 6);
  for (std::size_t k = 0; k < identical.size(); ++k)
    identical[k] += column[k % static_cast<std::size_t>(shape.features)];
  const auto even = test::normals(shape.features * shape.columns(), 7);
  CHECK(look(vicreg_official(), even) == texts{});
  CHECK(look(emp_ssl(), even) == texts{});

  const auto vicreg = look(vicreg_official(), identical);
  REQUIRE(vicreg.size() == 4);
  CHECK(vicreg[0].find("embeddings identical: the feature spread is 0.00") == 0);
  CHECK(vicreg[1].find("embeddings identical: inv is ") == 0);
  CHECK(vicreg[2].find("and equal embeddings give target - sqrt(epsilon) = 0.99") != std::string::npos);
  CHECK(vicreg[3].find("embeddings identical: cov is ") == 0);
  const auto emp = look(emp_ssl(), identical);
  REQUIRE(emp.size() == 3);
  CHECK(emp[1].find("embeddings identical: tcr is -2.05") == 0);
  CHECK(emp[1].find("and equal embeddings give -1/2 ln(1 + d / epsilon^2) = -2.055") != std::string::npos);
  CHECK(emp[2].find("embeddings identical: sim is -1, and equal embeddings give -1") == 0);

  // A collapse of the scale alone: directions stay even, the variance tells.
  const auto tiny = test::normals(shape.features * shape.columns(), 8, 1e-5);
  CHECK(look(vicreg_official(), tiny) ==
        texts{"as at a collapse: var is 0.99, and equal embeddings give target - sqrt(epsilon) = 0.99"});
}
