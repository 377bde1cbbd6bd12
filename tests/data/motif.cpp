#include "ssl/data/motif.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace ssl;

TEST_CASE("data/motif: every motif fills a part of the unit disc and nothing far from it") {
  for (int kind = 0; kind < motif_count; ++kind) {
    CAPTURE(kind);
    const motif m{kind, 0.3f, 0.6f, 17, 0.1f};
    double covered = 0;
    bool in_range = true, empty_outside = true;
    for (int y = -20; y <= 20; ++y)
      for (int x = -20; x <= 20; ++x) {
        const float u = static_cast<float>(x) * 0.1f, v = static_cast<float>(y) * 0.1f;
        const texel t = m(u, v);
        in_range = in_range && t.cover >= 0 && t.cover <= 1 && t.tone >= 0 && t.tone <= 1;
        empty_outside = empty_outside && (std::hypot(u, v) <= 1.3f || t.cover == 0);
        covered += static_cast<double>(t.cover) * 0.01;
      }
    CHECK(in_range);
    CHECK(empty_outside);
    CHECK(covered > 0.5);
    CHECK(covered < 3.2);
  }
}

TEST_CASE("data/motif: no two motifs look alike") {
  for (int a = 0; a < motif_count; ++a)
    for (int b = 0; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      const motif first{a, 0, 0, 1, 0.1f}, second{b, 0, 0, 1, 0.1f};
      double difference = 0;
      for (int y = -10; y <= 10; ++y)
        for (int x = -10; x <= 10; ++x) {
          const float u = static_cast<float>(x) * 0.1f, v = static_cast<float>(y) * 0.1f;
          const texel s = first(u, v), t = second(u, v);
          difference +=
              std::abs(static_cast<double>(s.cover * (2 * s.tone - 1) - t.cover * (2 * t.tone - 1)));
        }
      CHECK(difference / 441 > 0.2);
    }
}
