#include "ssl/eval/aggregator.hpp"

#include <cmath>

#include "ssl/eval/concatenation.hpp"
#include "ssl/eval/patch_mean.hpp"
#include "ssl/eval/spatial_pool.hpp"
#include "support/backends.hpp"

namespace {

constexpr ssl::index e = 37, n = 5, grid = 3, views = grid * grid;

/// The aggregate with the views added `chunk` at a time.
template <class B, class A>
std::vector<double> run(const A& aggregator, const std::vector<double>& h, ssl::index chunk) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  static_assert(ssl::Aggregator<A, decltype(ctx)>);
  ssl::test::matrix<B> all(work.backend(), e, views * n, h),
      out(work.backend(), aggregator.output(e, views), n);
  aggregator.begin(ctx, out());
  for (ssl::index v = 0; v < views; v += chunk) {
    const ssl::index count = std::min(chunk, views - v);
    aggregator.add(ctx, all.read().columns(v * n, count * n), v, count, views, out());
  }
  aggregator.finish(ctx, views, out());
  CHECK(work.scratch().high_water() == 0);
  return out.get();
}

template <class B, class A>
void check_chunks(const A& aggregator) {
  const auto h = ssl::test::normals(e * n * views, 7);
  const auto whole = run<B>(aggregator, h, views);
  for (const ssl::index chunk : {1, 2, 4, 5}) CHECK(run<B>(aggregator, h, chunk) == whole);
}

double at(const std::vector<double>& h, ssl::index i, ssl::index j, ssl::index v) {
  return h[static_cast<std::size_t>(i + e * (v * n + j))];
}
double length(const std::vector<double>& h, ssl::index j, ssl::index v) {
  double sum = 0;
  for (ssl::index i = 0; i < e; ++i) sum += at(h, i, j, v) * at(h, i, j, v);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE_TEMPLATE("eval/aggregator: the way views are cut into chunks changes no bit and takes no scratch",
                   B, SSL_BACKENDS) {
  check_chunks<B>(ssl::patch_mean{});
  check_chunks<B>(ssl::patch_mean{.normalize_patches = true, .normalize_mean = true});
  check_chunks<B>(ssl::concatenation{});
  check_chunks<B>(ssl::concatenation{.normalize_patches = true});
  check_chunks<B>(ssl::spatial_pool{.grid = grid});
}

TEST_CASE_TEMPLATE("eval/aggregator: everything at once is the same as one chunk", B, SSL_BACKENDS) {
  const auto h = ssl::test::normals(e * n * views, 7);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> all(work.backend(), e, views * n, h), out(work.backend(), e, n);
  ssl::aggregate(ctx, ssl::patch_mean{}, all.read(), views, out());
  CHECK(out.get() == run<B>(ssl::patch_mean{}, h, views));
}

TEST_CASE_TEMPLATE("eval/patch_mean: is the mean of the patches, of length one where asked", B,
                   SSL_BACKENDS) {
  const auto h = ssl::test::normals(e * n * views, 8);
  for (const bool patches : {false, true})
    for (const bool result : {false, true}) {
      std::vector<double> expected;
      for (ssl::index j = 0; j < n; ++j) {
        std::vector<double> mean;
        double square = 0;
        for (ssl::index i = 0; i < e; ++i) {
          double sum = 0;
          for (ssl::index v = 0; v < views; ++v) sum += at(h, i, j, v) / (patches ? length(h, j, v) : 1.0);
          mean.push_back(sum / static_cast<double>(views));
          square += mean.back() * mean.back();
        }
        for (const double x : mean) expected.push_back(result ? x / std::sqrt(square) : x);
      }
      const auto found =
          run<B>(ssl::patch_mean{.normalize_patches = patches, .normalize_mean = result}, h, 4);
      CHECK(ssl::test::relative_error(found, expected) < ssl::test::tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("eval/patch_mean: zero patches stay zero when they are scaled to length one", B,
                   SSL_BACKENDS) {
  const std::vector<double> zeros(static_cast<std::size_t>(e * n * views), 0.0);
  for (const double x : run<B>(ssl::patch_mean{.normalize_patches = true, .normalize_mean = true}, zeros, 2))
    CHECK(x == 0);
}

TEST_CASE_TEMPLATE("eval/concatenation: puts view after view", B, SSL_BACKENDS) {
  const auto h = ssl::test::normals(e * n * views, 9);
  const auto out = run<B>(ssl::concatenation{}, h, 2);
  CHECK(out.size() == h.size());
  for (ssl::index j = 0; j < n; ++j)
    for (ssl::index v = 0; v < views; ++v)
      for (ssl::index i = 0; i < e; ++i)
        CHECK(out[static_cast<std::size_t>((j * views + v) * e + i)] ==
              static_cast<typename B::scalar>(at(h, i, j, v)));
}

TEST_CASE_TEMPLATE("eval/spatial_pool: two by two regions of a three by three grid share the middle patches",
                   B, SSL_BACKENDS) {
  const auto h = ssl::test::normals(e * n * views, 10);
  const auto out = run<B>(ssl::spatial_pool{.grid = grid}, h, 2);
  std::vector<double> expected;
  for (ssl::index j = 0; j < n; ++j)
    for (ssl::index r = 0; r < 2; ++r)
      for (ssl::index c = 0; c < 2; ++c)
        for (ssl::index i = 0; i < e; ++i)
          expected.push_back((at(h, i, j, r * 3 + c) + at(h, i, j, r * 3 + c + 1) +
                              at(h, i, j, r * 3 + c + 3) + at(h, i, j, r * 3 + c + 4)) /
                             4);
  CHECK(ssl::test::relative_error(out, expected) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("eval/spatial_pool: one region is the mean, as many as patches is the concatenation", B,
                   SSL_BACKENDS) {
  const auto h = ssl::test::normals(e * n * views, 11);
  CHECK(ssl::test::relative_error(run<B>(ssl::spatial_pool{.grid = grid, .cells = 1}, h, 4),
                                  run<B>(ssl::patch_mean{}, h, 4)) < ssl::test::tolerance<B>);
  CHECK(run<B>(ssl::spatial_pool{.grid = grid, .cells = grid}, h, 4) == run<B>(ssl::concatenation{}, h, 4));
}

TEST_CASE_TEMPLATE("eval/aggregator: wrong shapes are told in a sentence", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> h(work.backend(), 4, 6), out(work.backend(), 4, 2), tall(work.backend(), 16, 2);
  CHECK_THROWS_WITH_AS(
      ssl::patch_mean{}.add(ctx, h.read(), 0, 2, 9, out()),
      "ssl::patch_mean: h is 4x6 with 2 views, out is 4x2; out must be 4 x (columns of h / views)",
      ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::patch_mean{}.add(ctx, h.read(), 7, 3, 9, out()),
                       "ssl::patch_mean: views 7 to 10 of 9 were added; a chunk is a part of them",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::spatial_pool{.grid = 3}.add(ctx, h.read(), 0, 3, 8, tall()),
                       "ssl::spatial_pool: 8 views, expected grid * grid = 9", ssl::shape_error);
  CHECK_THROWS_WITH_AS((ssl::spatial_pool{.grid = 2, .cells = 3}.begin(ctx, out())),
                       "ssl::spatial_pool: cells is 3, expected 1 to grid = 2", ssl::option_error);
}
