#include "ssl/core/divide.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

#include "ssl/core/conv_geometry.hpp"

namespace ssl::test {

TEST_CASE("core/divide: quotient and remainder put the number together, in 32 bits and beyond") {
  const index big = index{1} << 32;
  for (const index b : {index{1}, index{3}, index{1000}, big - 1, big, big + 7})
    for (const index a : {index{0}, index{1}, index{2999}, big - 1, big, 5 * big + 11}) {
      const divided d = divide(a, b);
      CHECK(d.quotient * b + d.remainder == a);
      CHECK(d.remainder >= 0);
      CHECK(d.remainder < b);
    }
}

TEST_CASE("core/conv_geometry: a window that holds a pixel is one that reads it") {
  for (const conv_geometry& g :
       {conv_geometry{{1, 5, 7}, 1, 3, 1, 1}, {{1, 6, 6}, 1, 3, 2, 1}, {{1, 4, 5}, 1, 2, 3, 0}}) {
    const index images = 2, in = g.in.pixels(), out = g.out().pixels();
    for (index j = 0; j < images * in; ++j) {
      index found = 0, expected = 0;
      for_each_window(g, j, [&](index k, index tap) {
        ++found;
        const index row = k % out / g.out_width() * g.stride - g.padding + tap / g.kernel;
        const index col = k % out % g.out_width() * g.stride - g.padding + tap % g.kernel;
        CHECK((k / out * g.in.height + row) * g.in.width + col == j);
      });
      for (index k = 0; k < out; ++k)
        for (index tap = 0; tap < g.kernel * g.kernel; ++tap) {
          const index row = k / g.out_width() * g.stride - g.padding + tap / g.kernel;
          const index col = k % g.out_width() * g.stride - g.padding + tap % g.kernel;
          if (row >= 0 && col >= 0 && col < g.in.width && row * g.in.width + col == j % in) ++expected;
        }
      CHECK(found == expected);
    }
  }
}

}  // namespace ssl::test
