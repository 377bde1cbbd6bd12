#include "ssl/backend/eigen/winograd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <type_traits>
#include <vector>

namespace {

template <class T>
using values = std::vector<T>;

template <class T>
values<T> normals(ssl::index count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  values<T> x(static_cast<std::size_t>(count));
  for (T& v : x) v = static_cast<T>(normal(generator));
  return x;
}

template <class T>
double error_of(const values<T>& x, const values<double>& expected) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Not std::max, which would let a NaN pass.
    if (!(std::abs(static_cast<double>(x[i]) - expected[i]) <= difference))
      difference = std::abs(static_cast<double>(x[i]) - expected[i]);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

/// body(y, x, w): indices of an output, and of an input and a weight whose product it sums.
template <class Body>
void for_each_product(const ssl::conv_geometry& g, ssl::index images, const Body& body) {
  const ssl::index in = g.in.channels, out = g.out_channels, height = g.out_height(), width = g.out_width();
  for (ssl::index image = 0; image < images; ++image)
    for (ssl::index oy = 0; oy < height; ++oy)
      for (ssl::index ox = 0; ox < width; ++ox)
        for (ssl::index tap = 0; tap < 9; ++tap) {
          const ssl::index row = oy - g.padding + tap / 3, col = ox - g.padding + tap % 3;
          if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) continue;
          const ssl::index to = (image * height + oy) * width + ox;
          const ssl::index from = (image * g.in.height + row) * g.in.width + col;
          for (ssl::index c = 0; c < in; ++c)
            for (ssl::index o = 0; o < out; ++o)
              body(static_cast<std::size_t>(to * out + o), static_cast<std::size_t>(from * in + c),
                   static_cast<std::size_t>((tap * in + c) * out + o));
        }
}

/// A convolution with its operands, and what it should give in double precision.
template <class T>
struct problem {
  ssl::conv_geometry g;
  ssl::index images;
  values<T> x, w, dy;
  values<double> y, dx, dw;

  problem(const ssl::conv_geometry& geometry, ssl::index n)
      : g(geometry),
        images(n),
        x(normals<T>(g.in.size() * n, 1)),
        w(normals<T>(g.patch() * g.out_channels, 2)),
        dy(normals<T>(g.out().size() * n, 3)),
        y(dy.size()),
        dx(x.size()),
        dw(w.size()) {
    for_each_product(g, n, [&](std::size_t to, std::size_t from, std::size_t weight) {
      y[to] += static_cast<double>(x[from]) * static_cast<double>(w[weight]);
      dx[from] += static_cast<double>(dy[to]) * static_cast<double>(w[weight]);
      dw[weight] += static_cast<double>(dy[to]) * static_cast<double>(x[from]);
    });
  }
};

template <class T>
struct results {
  values<T> y, dx, dw;
  friend bool operator==(const results&, const results&) = default;
};

template <class T>
ssl::matrix_view<const T, ssl::host_space> read(const values<T>& v, ssl::index rows) {
  return ssl::make_view<ssl::host_space>(v.data(), rows, static_cast<ssl::index>(v.size()) / rows);
}
template <class T>
ssl::matrix_view<T, ssl::host_space> write(values<T>& v, ssl::index rows) {
  return ssl::make_view(v.data(), rows, static_cast<ssl::index>(v.size()) / rows);
}

/// All three, from outputs and scratch full of values that must not matter; dw on top of `start`.
template <ssl::index Tile, class T>
results<T> compute(const problem<T>& p, int threads, T start = 0) {
  const ssl::index in = p.g.in.channels, out = p.g.out_channels;
  const T dirt = 1e30F;
  results<T> r{values<T>(p.y.size(), dirt), values<T>(p.dx.size(), dirt), values<T>(p.dw.size(), start)};
  values<T> scratch;
  const auto workspace = [&](ssl::index count) {
    scratch.assign(static_cast<std::size_t>(count), dirt);
    return scratch.data();
  };
  REQUIRE(ssl::cpu::winograd_fits(p.g));
  ssl::cpu::winograd_forward<Tile, T>(threads, workspace, p.g, read(p.x, in), read(p.w, out),
                                      write(r.y, out));
  ssl::cpu::winograd_input_gradient<Tile, T>(threads, workspace, p.g, read(p.w, out), read(p.dy, out),
                                             write(r.dx, in));
  ssl::cpu::winograd_weight_gradient<Tile, T>(threads, workspace, p.g, read(p.x, in), read(p.dy, out),
                                              write(r.dw, out));
  return r;
}

template <ssl::index Tile, class T>
void matches(const ssl::conv_geometry& g, ssl::index images) {
  CAPTURE(Tile);
  CAPTURE(g.in.channels);
  CAPTURE(g.in.height);
  CAPTURE(g.in.width);
  CAPTURE(g.out_channels);
  CAPTURE(g.padding);
  CAPTURE(images);
  const double bound = std::is_same_v<T, double> ? 1e-13 : Tile == 4 ? 1e-5 : 2e-6;
  const problem<T> p(g, images);
  const results<T> r = compute<Tile>(p, 2);
  CHECK(error_of(r.y, p.y) < bound);
  CHECK(error_of(r.dx, p.dx) < bound);
  CHECK(error_of(r.dw, p.dw) < bound);
}

template <class T>
void matches_both(const ssl::conv_geometry& g, ssl::index images) {
  matches<2, T>(g, images);
  matches<4, T>(g, images);
}

}  // namespace

TEST_CASE_TEMPLATE("backend/winograd: is the convolution and its gradients for any padding and odd sizes", T,
                   float, double) {
  for (const ssl::index padding : {0, 1, 2}) {
    matches_both<T>({{5, 7, 10}, 6, 3, 1, padding}, 3);
    matches_both<T>({{5, 3, 17}, 6, 3, 1, padding}, 1);
  }
}

TEST_CASE_TEMPLATE("backend/winograd: channels need not fill a panel", T, float, double) {
  for (const ssl::index in : {1, 3, 20, 33})
    for (const ssl::index out : {1, 3, 20, 33, 64}) matches_both<T>({{in, 6, 5}, out, 3, 1, 1}, 2);
}

TEST_CASE_TEMPLATE("backend/winograd: maps may be smaller than a tile, or one pixel", T, float, double) {
  for (const ssl::index height : {1, 2, 3, 4})
    for (const ssl::index width : {1, 2, 3}) matches_both<T>({{4, height, width}, 3, 3, 1, 1}, 5);
  matches_both<T>({{4, 1, 1}, 3, 3, 1, 2}, 2);
  matches_both<T>({{4, 3, 3}, 3, 3, 1, 0}, 2);
}

TEST_CASE_TEMPLATE("backend/winograd: many channels and many tiles take other ways to the same", T, float,
                   double) {
  matches<4, T>({{200, 8, 8}, 130, 3, 1, 1}, 1);    // U in pieces
  matches<4, T>({{130, 5, 5}, 300, 3, 1, 1}, 2);    // the same with an overhang
  matches_both<T>({{40, 30, 30}, 36, 3, 1, 1}, 3);  // several blocks of tiles
}

TEST_CASE_TEMPLATE("backend/winograd: the bits do not depend on the number of threads", T, float, double) {
  for (const ssl::conv_geometry g :
       {ssl::conv_geometry{{20, 19, 18}, 33, 3, 1, 1}, ssl::conv_geometry{{200, 9, 9}, 160, 3, 1, 1}}) {
    const problem<T> p(g, 3);
    const auto alone = compute<4>(p, 1);
    for (const int threads : {2, 3, 16}) CHECK(compute<4>(p, threads) == alone);
    const auto small = compute<2>(p, 1);
    for (const int threads : {2, 3, 16}) CHECK(compute<2>(p, threads) == small);
  }
}

TEST_CASE_TEMPLATE("backend/winograd: both ways and every size of blocks give the same bits", T, float,
                   double) {
  const ssl::conv_geometry g{{50, 11, 13}, 40, 3, 1, 1};
  const problem<T> p(g, 3);
  const values<T> expected = compute<4>(p, 1).y;
  const ssl::cpu::tile_grid<4> grid(g);
  for (const ssl::index block : {1, 2, 7})
    for (const bool by_tiles : {true, false}) {
      values<T> y(expected.size()), scratch;
      const auto workspace = [&](ssl::index count) {
        scratch.assign(static_cast<std::size_t>(count), T{1});
        return scratch.data();
      };
      ssl::cpu::winograd_product<4, T, ssl::cpu::winograd_taps<4, T>> product{
          grid, {g, p.w.data()}, p.x.data(), y.data(), grid.count(3)};
      if (by_tiles) {
        product.by_tiles(2, workspace, block);
      } else {
        product.by_channels(2, workspace, block);
      }
      CHECK(y == expected);
    }
}

TEST_CASE_TEMPLATE("backend/winograd: the gradient of the weights may be summed over any blocks of tiles", T,
                   float, double) {
  const ssl::conv_geometry g{{50, 11, 13}, 40, 3, 1, 1};
  const problem<T> p(g, 3);
  for (const ssl::index block : {1, 5, 16, 1000}) {
    values<T> dw(p.dw.size()), scratch;
    const auto workspace = [&](ssl::index count) {
      scratch.assign(static_cast<std::size_t>(count), T{1});
      return scratch.data();
    };
    const ssl::cpu::tile_grid<4> grid(g);
    ssl::cpu::winograd_outer_product<4, T>{grid, p.x.data(), p.dy.data(), dw.data(), grid.count(3)}.run(
        2, workspace, block);
    CHECK(error_of(dw, p.dw) < (std::is_same_v<T, double> ? 1e-13 : 1e-5));
  }
}

TEST_CASE("backend/winograd: the gradient of the weights is added to what was there") {
  const problem<double> p({{6, 9, 7}, 40, 3, 1, 1}, 2);
  const auto from_zero = compute<4>(p, 1), from_seven = compute<4>(p, 1, 7.0);
  for (std::size_t i = 0; i < p.dw.size(); ++i)
    CHECK(from_seven.dw[i] == doctest::Approx(from_zero.dw[i] + 7).epsilon(1e-14));
}

TEST_CASE("backend/winograd: no image leaves the gradient of the weights as it was") {
  const problem<float> p({{6, 9, 7}, 8, 3, 1, 1}, 0);
  for (const float v : compute<4>(p, 2, 3.0F).dw) CHECK(v == 3.0F);
}

TEST_CASE("backend/winograd: tiles see no pixel of a neighbouring image") {
  const ssl::conv_geometry g{{3, 5, 6}, 4, 3, 1, 1};
  problem<double> p(g, 3);
  const auto before = compute<4>(p, 1);
  const auto one = static_cast<std::ptrdiff_t>(g.in.size()),
             y_one = static_cast<std::ptrdiff_t>(g.out().size());
  std::fill(p.x.begin() + one, p.x.begin() + 2 * one, 1e3);
  const auto after = compute<4>(p, 1);
  CHECK(std::equal(before.y.begin(), before.y.begin() + y_one, after.y.begin()));
  CHECK(std::equal(before.y.begin() + 2 * y_one, before.y.end(), after.y.begin() + 2 * y_one));
}

TEST_CASE("backend/winograd: only 3x3 with stride 1 fits") {
  CHECK(ssl::cpu::winograd_fits({{3, 8, 8}, 4, 3, 1, 1}));
  CHECK_FALSE(ssl::cpu::winograd_fits({{3, 8, 8}, 4, 3, 2, 1}));
  CHECK_FALSE(ssl::cpu::winograd_fits({{3, 8, 8}, 4, 5, 1, 2}));
  CHECK_FALSE(ssl::cpu::winograd_fits({{3, 8, 8}, 4, 3, 1, 3}));
  CHECK_FALSE(ssl::cpu::winograd_fits({{3, 2, 2}, 4, 3, 1, 0}));
}
