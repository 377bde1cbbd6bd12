#include "ssl/eval/bootstrap.hpp"

#include <doctest/doctest.h>

#include <limits>

using doctest::Approx;
using ssl::interval;

namespace {

bool covers(const interval& i, double truth) { return i.low <= truth && truth <= i.high; }

ssl::random_stream stream(ssl::index item, std::uint32_t slot) {
  return ssl::random_stream({99, 0}, item, 0, ssl::purpose::generate, slot);
}

double binomial(ssl::index n, ssl::index k, double p) {
  const double m = static_cast<double>(n), h = static_cast<double>(k);
  return std::exp(std::lgamma(m + 1) - std::lgamma(h + 1) - std::lgamma(m - h + 1) + h * std::log(p) +
                  (m - h) * std::log1p(-p));
}

/// How often an interval of n items covers p, summed over all outcomes: no simulation needed.
template <class F>
double coverage(F make, ssl::index n, double p) {
  double sum = 0;
  for (ssl::index k = 0; k <= n; ++k)
    if (covers(make(k, n), p)) sum += binomial(n, k, p);
  return sum;
}

}  // namespace

TEST_CASE("eval/interval: quantiles of the normal and Student's distribution are those of the tables") {
  CHECK(ssl::detail::normal_bound(0.95) == Approx(1.959963984540054).epsilon(1e-12));
  CHECK(ssl::detail::normal_bound(0.99) == Approx(2.5758293035489).epsilon(1e-12));
  CHECK(ssl::detail::student_bound(0.95, 1) == Approx(12.706204736).epsilon(1e-9));
  CHECK(ssl::detail::student_bound(0.95, 2) == Approx(4.302652730).epsilon(1e-9));
  CHECK(ssl::detail::student_bound(0.95, 4) == Approx(2.776445105).epsilon(1e-9));
  CHECK(ssl::detail::student_bound(0.99, 10) == Approx(3.169272673).epsilon(1e-9));
  CHECK(ssl::detail::student_bound(0.95, 1e7) == Approx(1.95996).epsilon(1e-5));
}

TEST_CASE("eval/interval: Wilson and Clopper-Pearson give the published values") {
  // Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 0 of 20.
  const interval w = ssl::wilson_interval(81, 263), e = ssl::exact_binomial_interval(81, 263);
  CHECK(w.estimate == Approx(81.0 / 263));
  CHECK(w.low == Approx(0.2553).epsilon(2e-4));
  CHECK(w.high == Approx(0.3662).epsilon(2e-4));
  CHECK(e.low == Approx(0.2527).epsilon(2e-4));
  CHECK(e.high == Approx(0.3676).epsilon(2e-4));
  CHECK(ssl::wilson_interval(0, 20).low == 0);
  CHECK(ssl::wilson_interval(0, 20).high == Approx(0.1611).epsilon(4e-4));
  CHECK(ssl::exact_binomial_interval(0, 20).high == Approx(1 - std::pow(0.025, 1.0 / 20)).epsilon(1e-10));
  CHECK(ssl::exact_binomial_interval(20, 20).high == 1);
  CHECK(ssl::exact_binomial_interval(20, 20).low == Approx(std::pow(0.025, 1.0 / 20)).epsilon(1e-10));
}

TEST_CASE("eval/interval: exact intervals always cover as they say, Wilson's on average") {
  double wilson = 0;
  for (int step = 1; step < 20; ++step) {
    const double p = 0.05 * step;
    CHECK(coverage([](ssl::index k, ssl::index n) { return ssl::exact_binomial_interval(k, n); }, 30, p) >=
          0.95);
    wilson += coverage([](ssl::index k, ssl::index n) { return ssl::wilson_interval(k, n); }, 30, p) / 19;
  }
  CHECK(wilson > 0.94);
  CHECK(wilson < 0.965);
}

TEST_CASE("eval/interval: a mean of a few seeds is covered by Student's interval, differences by Welch's") {
  int mean = 0, difference = 0, wrong = 0;
  constexpr int trials = 4000;
  for (int t = 0; t < trials; ++t) {
    auto draw = stream(t, 1);
    std::vector<double> a(4), b(6);
    for (double& v : a) v = 5 + static_cast<double>(draw.normal());
    for (double& v : b) v = 5 + 3 * static_cast<double>(draw.normal());
    mean += covers(ssl::mean_interval(a), 5);
    const interval d = ssl::mean_difference_interval(a, b);
    difference += covers(d, 0);
    wrong += ssl::verdict_of(d) != ssl::verdict::undecided;
  }
  CHECK(mean > 0.94 * trials);
  CHECK(mean < 0.96 * trials);
  CHECK(difference > 0.935 * trials);
  CHECK(difference < 0.965 * trials);
  CHECK(wrong == trials - difference);
  const std::vector<double> equal(3, 0.25);
  CHECK(ssl::mean_interval(equal).low == 0.25);
  CHECK(ssl::mean_difference_interval(equal, equal).high == 0);
}

TEST_CASE("eval/bootstrap: accuracies are covered about as often as it says") {
  for (const double p : {0.6, 0.9}) {
    int covered = 0;
    constexpr int trials = 600;
    double width = 0;
    for (int t = 0; t < trials; ++t) {
      auto draw = stream(t, p > 0.8 ? 2 : 3);
      std::vector<std::uint8_t> right(200);
      for (auto& r : right) r = draw.chance(static_cast<float>(p));
      const interval i =
          ssl::bootstrap_accuracy(right, {.resamples = 400, .seed = static_cast<std::uint64_t>(t)});
      covered += covers(i, p);
      width += (i.high - i.low) / trials;
    }
    CHECK(covered > 0.91 * trials);
    CHECK(covered < 0.98 * trials);
    CHECK(width == Approx(2 * 1.96 * std::sqrt(p * (1 - p) / 200)).epsilon(0.05));
  }
}

TEST_CASE("eval/bootstrap: paired differences cover, and where there is none few are called one") {
  int covered = 0, called = 0, found = 0;
  constexpr int trials = 400;
  double paired = 0, apart = 0;
  for (int t = 0; t < trials; ++t) {
    auto draw = stream(t, 4);
    std::vector<std::uint8_t> a(400), b(400), c(400);
    for (std::size_t i = 0; i < a.size(); ++i) {
      // Most items are easy or hard for all; the rest is a coin for each.
      const bool hard = draw.chance(0.2f), coin = draw.chance(0.25f);
      const bool first = draw.chance(0.5f), second = draw.chance(0.5f), third = draw.chance(0.9f);
      a[i] = coin ? first : !hard;
      b[i] = coin ? second : !hard;
      c[i] = coin ? third : !hard;
    }
    const ssl::bootstrap_options o{.resamples = 400, .seed = static_cast<std::uint64_t>(t)};
    const interval none = ssl::bootstrap_paired_difference(a, b, o);
    covered += covers(none, 0);
    called += ssl::verdict_of(none) != ssl::verdict::undecided;
    found += ssl::verdict_of(ssl::bootstrap_paired_difference(a, c, o)) == ssl::verdict::second_better;
    paired += none.high - none.low;
    const interval one = ssl::bootstrap_accuracy(a, o);
    apart += one.high - one.low;
  }
  CHECK(covered > 0.91 * trials);
  CHECK(covered < 0.98 * trials);
  CHECK(called == trials - covered);
  CHECK(found > 0.95 * trials);  // a true difference of 0.1 on 400 items
  CHECK(paired < 0.95 * apart);  // even than one accuracy alone
}

TEST_CASE("eval/bootstrap: one seed gives one interval, another another, and equal classifiers differ by 0") {
  std::vector<std::uint8_t> right(97), other(97);
  for (std::size_t i = 0; i < right.size(); ++i) {
    right[i] = i % 3 != 0;
    other[i] = i % 4 != 0;
  }
  const auto run = [&](std::uint64_t seed) {
    return ssl::bootstrap_accuracy(right, {.resamples = 300, .seed = seed});
  };
  CHECK(run(1).low == run(1).low);
  CHECK(run(1).high == run(1).high);
  CHECK((run(1).low != run(2).low || run(1).high != run(2).high));
  CHECK(run(1).estimate == run(2).estimate);
  const interval same = ssl::bootstrap_paired_difference(right, right);
  CHECK(same.low == 0);
  CHECK(same.high == 0);
  CHECK(ssl::verdict_of(same) == ssl::verdict::undecided);
  const ssl::bootstrap_options o{.resamples = 500};
  const interval d = ssl::bootstrap_paired_difference(right, other, o),
                 back = ssl::bootstrap_paired_difference(other, right, o);
  CHECK(d.low == Approx(-back.high));  // the same draws, turned round
  CHECK(d.estimate == Approx(-back.estimate));
}

TEST_CASE("eval/bootstrap: the verdict needs 0 outside") {
  CHECK(ssl::verdict_of({0.1, 0.01, 0.2}) == ssl::verdict::first_better);
  CHECK(ssl::verdict_of({-0.1, -0.2, -0.01}) == ssl::verdict::second_better);
  CHECK(ssl::verdict_of({0.1, 0.0, 0.2}) == ssl::verdict::undecided);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(ssl::verdict_of({nan, nan, nan}) == ssl::verdict::undecided);
  CHECK(std::string(ssl::to_text(ssl::verdict::undecided)) == "undecided");
}

TEST_CASE("eval/bootstrap: correctness compares item by item, and mistakes are told in a sentence") {
  const std::vector<int> predicted{1, 2, -1}, labels{1, 0, 0};
  CHECK(ssl::correctness(predicted, labels) == std::vector<std::uint8_t>{1, 0, 0});
  const std::vector<std::uint8_t> two{1, 0}, three{1, 0, 1}, none;
  CHECK_THROWS_WITH_AS(
      ssl::bootstrap_paired_difference(two, three),
      "ssl::bootstrap_paired_difference: 2 items against 3, expected as many, and at least one",
      ssl::shape_error);
  CHECK_THROWS_AS(ssl::bootstrap_accuracy(none), ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::bootstrap_accuracy(two, {.resamples = 1}),
                       "ssl::bootstrap_mean: resamples is 1, expected at least 2", ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::wilson_interval(1, 2, 1.0),
                       "ssl::wilson_interval: confidence is 1.000000, expected in (0, 1)", ssl::option_error);
  CHECK_THROWS_WITH_AS(
      ssl::exact_binomial_interval(3, 2),
      "ssl::exact_binomial_interval: 3 hits of 2 items, expected at least one item and hits in [0, items]",
      ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::mean_interval(std::vector<double>{1}),
                       "ssl::mean_interval: there are 1 values, expected at least two", ssl::shape_error);
}
