#include "ssl/optim/schedule.hpp"

#include <doctest/doctest.h>

using doctest::Approx;

TEST_CASE("optim/schedule: the linear scaling rule is per 256 samples") {
  CHECK(ssl::scaled_rate(0.2, 2048) == Approx(1.6));
  static_assert(ssl::Schedule<ssl::constant> && ssl::Schedule<ssl::warmup_cosine> &&
                ssl::Schedule<ssl::cosine>);
  CHECK(ssl::constant{0.3}(1000) == 0.3);
}

TEST_CASE("optim/schedule: the form of the official repositories starts at zero and ends at a thousandth") {
  const auto rate = ssl::fair_schedule(2.0, 10, 110);
  CHECK(rate(0) == 0);
  CHECK(rate(5) == Approx(1.0));
  CHECK(rate(10) == Approx(2.0));
  CHECK(rate(60) == Approx(2.0 * (0.5 + 0.001 * 0.5)));
  CHECK(rate(110) == Approx(0.002));
  CHECK(rate(500) == Approx(0.002));
  CHECK(ssl::byol_schedule(2.0, 10, 110)(110) == Approx(0.0));
}

TEST_CASE("optim/schedule: other repositories reach the peak within the warm-up") {
  const auto swav = ssl::swav_schedule(2.0, 11, 111);
  CHECK(swav(0) == 0);
  CHECK(swav(10) == Approx(2.0));
  CHECK(swav(11) == Approx(2.0));
  CHECK(swav(61) == Approx(1.0));
  CHECK(swav(110) > 0);  // the last step has not quite arrived
  const auto solo = ssl::solo_learn_schedule(0.3, 11, 111);
  CHECK(solo(0) == Approx(3e-5));
  CHECK(solo(5) == Approx((3e-5 + 0.3) / 2));
  CHECK(solo(10) == Approx(0.3));
}

TEST_CASE("optim/schedule: one step ahead in warm-up, and the last step has the final rate") {
  const auto rate = ssl::lightly_schedule(2.0, 10, 111);
  CHECK(rate(0) == Approx(0.2));
  CHECK(rate(9) == Approx(2.0));
  CHECK(rate(10) == Approx(2.0));
  CHECK(rate(60) == Approx(1.001));
  CHECK(rate(110) == Approx(0.002));
}

TEST_CASE(
    "optim/schedule: no warm-up, a warm-up of one step, and fewer steps than the warm-up are all finite") {
  CHECK(ssl::emp_ssl_schedule(0.3, 100)(0) == Approx(0.3));
  CHECK(ssl::emp_ssl_schedule(0.3, 100)(100) == Approx(0.0));
  CHECK(ssl::swav_schedule(1.0, 1, 10)(0) == Approx(0.0));
  CHECK(ssl::fair_schedule(1.0, 10, 5)(4) == Approx(0.4));
  CHECK(ssl::fair_schedule(1.0, 10, 5)(10) == Approx(1.0));
  CHECK(ssl::fair_schedule(1.0, 10, 5)(11) == Approx(0.001));
}

TEST_CASE("optim/schedule: a rate falls at its milestones and nowhere else") {
  const ssl::step_decay rate{.base = 30};
  static_assert(ssl::Schedule<ssl::step_decay>);
  CHECK(rate(0) == 30);
  CHECK(rate(59) == 30);
  CHECK(rate(60) == Approx(3));
  CHECK(rate(79) == Approx(3));
  CHECK(rate(80) == Approx(0.3));
  CHECK(rate(1000) == Approx(0.3));
  CHECK(ssl::step_decay{2, 0.5, {3}}(3) == 1);
  CHECK(ssl::step_decay{2, 0.5, {}}(3) == 2);
  CHECK(ssl::step_decay{2, 0.5, {4, 3, 2, 1}}(4) == 0.125);  // in any order
}

TEST_CASE("optim/schedule: a momentum coefficient follows the same cosine upwards") {
  const ssl::cosine tau{0.99, 1.0, 100};
  CHECK(tau(0) == Approx(0.99));
  CHECK(tau(50) == Approx(0.995));
  CHECK(tau(100) == Approx(1.0));
}

TEST_CASE("optim/schedule: per epoch, the rate changes only between epochs") {
  const ssl::per_epoch<ssl::warmup_cosine> rate{ssl::emp_ssl_schedule(0.03, 100), 500};
  CHECK(rate(499) == rate(0));
  CHECK(rate(500) == ssl::emp_ssl_schedule(0.03, 100)(1));
}
