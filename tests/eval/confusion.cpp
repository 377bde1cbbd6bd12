#include "ssl/eval/confusion.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using doctest::Approx;

TEST_CASE("eval/confusion: counts, recall, precision and their means are those of the definition") {
  const std::vector<int> labels{0, 0, 0, 1, 1, 2, 2, 2, 2}, predicted{0, 1, 0, 1, 2, 2, 2, 0, -1};
  const ssl::confusion_matrix m(predicted, labels, 4);
  CHECK(m.samples() == 9);
  CHECK(m(0, 0) == 2);
  CHECK(m(0, 1) == 1);
  CHECK(m(2, -1) == 1);
  CHECK(m(1, 2) == 1);
  CHECK(m.labelled(2) == 4);
  CHECK(m.called(2) == 3);
  CHECK(m.recall(0) == Approx(2.0 / 3));
  CHECK(m.precision(0) == Approx(2.0 / 3));
  CHECK(m.recall(2) == Approx(0.5));
  CHECK(m.precision(2) == Approx(2.0 / 3));
  CHECK(m.f1(2) == Approx(4.0 / 7));
  CHECK(std::isnan(m.recall(3)));
  CHECK(std::isnan(m.precision(3)));
  CHECK(std::isnan(m.f1(3)));
  CHECK(m.accuracy() == Approx(5.0 / 9));
  CHECK(m.balanced_accuracy() == Approx((2.0 / 3 + 0.5 + 0.5) / 3));
  CHECK(m.macro_f1() == Approx((2.0 / 3 + 0.5 + 4.0 / 7) / 3));
}

TEST_CASE("eval/confusion: mistakes are told in a sentence") {
  const std::vector<int> labels{0, 1}, outside{0, 2};
  CHECK_THROWS_WITH_AS(ssl::confusion_matrix(outside, labels, 2),
                       "ssl::confusion_matrix: prediction 2 of sample 1 is outside [-1, 2)",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::confusion_matrix(labels, outside, 2),
                       "ssl::confusion_matrix: label 2 of test sample 1 is outside [0, 2)",
                       ssl::option_error);
  CHECK_THROWS_AS(ssl::confusion_matrix(std::vector<int>{0}, labels, 2), ssl::shape_error);
}
