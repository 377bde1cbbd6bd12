// Two sums a row in one sweep, and batch normalisation on top of them, against their definitions.

#include <array>
#include <cmath>

#include "kernels/sweep.hpp"
#include "ssl/backend/eigen.hpp"
#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/row_sums.hpp"

namespace ssl::test {
namespace {

/// x and 2 x + place.
template <class T>
struct entry_and_more {
  matrix_view<const T, host_space> x;
  detail::two<T> operator()(index i, index j) const {
    const T v = x(i, j);
    return {v, 2 * v + static_cast<T>((i + j) % 3)};
  }
};

/// The same, asked for ahead.
template <class T>
struct far_entry : entry_and_more<T> {
  void prefetch(index i, index j) const { detail::ask_for(this->x.data + i + j * this->x.ld); }
};

template <class T>
void check_row_sums(int threads, index rows, index cols) {
  CAPTURE(threads);
  CAPTURE(rows);
  CAPTURE(cols);
  using backend = eigen_backend<T>;
  workspace<backend> work{backend(threads)};
  auto ctx = work.ctx();
  const auto x = integers<T>(rows * cols, 1);
  const fenced<T> in(rows, cols, x);
  std::vector<double> expected(static_cast<std::size_t>(2 * rows), 0.0);
  for (index j = 0; j < cols; ++j)
    for (index i = 0; i < rows; ++i) {
      const auto v = static_cast<double>(x[static_cast<std::size_t>(i + j * rows)]);
      expected[static_cast<std::size_t>(i)] += v;
      expected[static_cast<std::size_t>(rows + i)] += 2 * v + static_cast<double>((i + j) % 3);
    }
  fenced<double> sums(rows, 2, std::vector<double>(expected.size(), 7.0)), far(sums);
  detail::row_sums(ctx, cols, entry_and_more<T>{in.read()}, sums());
  detail::row_sums(ctx, cols, far_entry<T>{{in.read()}}, far());
  CHECK(first_difference(sums.get(), expected) == -1);
  CHECK(first_difference(far.get(), expected) == -1);
  CHECK((sums.intact() && far.intact()));
}

struct norm_shape {
  index channels, columns;
};

/// All that batch normalisation computes of (c, n) in double: weight 0.5 + i mod 3, bias 1/4 or -1/4.
struct batch_norm_by_definition {
  std::vector<double> y, dx, dparams, running;
  double least = 0;  // |y| before rectification

  batch_norm_by_definition() = default;
  batch_norm_by_definition(norm_shape s, bool affine, bool relu, const std::vector<double>& x,
                           const std::vector<double>& dy, const std::vector<double>& gate)
      : y(x.size()),
        dx(x.size()),
        dparams(static_cast<std::size_t>(2 * s.channels)),
        running(dparams.size()),
        least(1) {
    const double n = static_cast<double>(s.columns);
    for (index i = 0; i < s.channels; ++i) {
      const double w = affine ? 0.5 + static_cast<double>(i % 3) : 1,
                   b = affine ? 0.25 - 0.5 * static_cast<double>(i % 2) : 0;
      const auto at = [&](index j) { return static_cast<std::size_t>(i + j * s.channels); };
      double mean = 0, square = 0, g_sum = 0, gz_sum = 0;
      for (index j = 0; j < s.columns; ++j) mean += x[at(j)] / n;
      for (index j = 0; j < s.columns; ++j) square += (x[at(j)] - mean) * (x[at(j)] - mean);
      const double inverse = 1 / std::sqrt(square / n + 1e-5);
      std::vector<double> g;
      for (index j = 0; j < s.columns; ++j) {
        const double z = (x[at(j)] - mean) * inverse;
        y[at(j)] = w * z + b;
        least = std::min(least, std::abs(y[at(j)]));
        const bool passes = relu ? y[at(j)] > 0 : gate.empty() || gate[at(j)] > 0;
        if (relu) y[at(j)] = std::max(y[at(j)], 0.0);
        g.push_back(passes ? dy[at(j)] : 0.0);
        g_sum += g.back();
        gz_sum += g.back() * z;
      }
      dparams[static_cast<std::size_t>(i)] = gz_sum;
      dparams[static_cast<std::size_t>(s.channels + i)] = g_sum;
      running[static_cast<std::size_t>(i)] = 0.9 * 2 + 0.1 * mean;
      running[static_cast<std::size_t>(s.channels + i)] = 0.9 * 2 + 0.1 * square / (n - 1);
      for (index j = 0; j < s.columns; ++j) {
        const double z = (x[at(j)] - mean) * inverse;
        dx[at(j)] = w * inverse * (g[static_cast<std::size_t>(j)] - g_sum / n - z * gz_sum / n);
      }
    }
  }
};

template <class T>
void check_batch_norm(int threads, norm_shape s, bool affine, bool relu, bool gated) {
  CAPTURE(threads);
  CAPTURE(s.channels);
  CAPTURE(s.columns);
  CAPTURE(affine);
  CAPTURE(relu);
  CAPTURE(gated);
  using backend = eigen_backend<T>;
  workspace<backend> work{backend(threads)};
  auto ctx = work.ctx();
  const batch_norm layer{.affine = affine, .relu = relu};
  const index c = s.channels, own = affine ? 2 * c : 0;
  const image_shape in{c, 1, 1};
  const auto dys = integers<double>(c * s.columns, 2), gates = integers<double>(c * s.columns, 3);
  // Numbers for which no y is so small that its sign hangs on a rounding.
  std::vector<double> xs;
  batch_norm_by_definition expected;
  for (std::uint32_t seed = 1; expected.least < 1e-5; ++seed) {
    xs = integers<double>(c * s.columns, seed);
    for (std::size_t k = 0; k < xs.size(); ++k)
      xs[k] = static_cast<double>(
          static_cast<float>(xs[k] + 0.3 * std::sin(0.7 * static_cast<double>(k * k + seed))));
    expected = {s, affine, relu, xs, dys, gated ? gates : std::vector<double>{}};
  }

  const fenced<T> x(c, s.columns, {xs.begin(), xs.end()}), dy(c, s.columns, {dys.begin(), dys.end()}),
      gate(c, s.columns, {gates.begin(), gates.end()});
  fenced<T> y(c, s.columns, std::vector<T>(xs.size())), dx(y);
  std::vector<T> params, tape(static_cast<std::size_t>(2 * c)),
      dparams(static_cast<std::size_t>(own + 2 * c), T{0});
  for (index i = 0; affine && i < c; ++i) params.push_back(static_cast<T>(0.5 + static_cast<double>(i % 3)));
  for (index i = 0; affine && i < c; ++i)
    params.push_back(static_cast<T>(0.25 - 0.5 * static_cast<double>(i % 2)));
  params.resize(dparams.size(), T{2});
  pass<backend, T> p;
  p.params = make_view(params.data(), own + 2 * c, 1);
  p.dparams = make_view(dparams.data(), own + 2 * c, 1);
  p.tape = make_view(tape.data(), 2 * c, 1);
  p.x = x.read();
  p.y = y();
  p.dy = dy.read();
  p.dx = dx();
  if (gated) p.gate = gate.read();
  layer.forward(ctx, in, s.columns, p);
  layer.backward(ctx, in, s.columns, p);

  const double eps = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
  // Entries are differences of numbers up to 4 over deviations; two columns can lie close together.
  double largest = 1;
  for (index i = 0; i < c; ++i)
    largest = std::max(largest, static_cast<double>(tape[static_cast<std::size_t>(c + i)]));
  CHECK(first_beyond(y.get(), expected.y, 40 * largest * eps) == -1);
  CHECK(first_beyond(dx.get(), expected.dx, 200 * largest * largest * eps) == -1);
  CHECK((y.intact() && dx.intact()));
  const std::vector<T> running(params.begin() + own, params.end());
  CHECK(first_beyond(running, expected.running, 16 * eps) == -1);
  if (!affine) return;
  const double total = 200 * largest * largest * eps * static_cast<double>(s.columns);
  CHECK(first_beyond(std::vector<T>(dparams.begin(), dparams.begin() + own), expected.dparams, total) == -1);
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/row_sums: every small shape", T, float, double) {
  int shapes = 0;
  for (const index rows : sizes(35, {64}))
    for (const index cols : sizes(34, {64})) {
      check_row_sums<T>(1, rows, cols);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/row_sums: runs of 256 columns and up to 256 of them, on any number of threads", T,
                   float, double) {
  int shapes = 0;
  for (const int threads : thread_counts)
    for (const index cols : sizes(0, {256, 512, 519, 768}))
      for (const index rows : {1, 16, 17}) {
        check_row_sums<T>(threads, rows, cols);
        ++shapes;
      }
  for (const index cols : sizes(0, {256 * 256, 257 * 256})) {
    check_row_sums<T>(3, 2, cols);
    ++shapes;
  }
  for (const norm_shape s :
       {norm_shape{15, 69911}, {16, 65535}, {17, 61700}, {33, 31800}}) {  // far from here on
    check_row_sums<T>(2, s.channels, s.columns);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/batch_norm: outputs, statistics and gradients in all its forms", T, float,
                   double) {
  int shapes = 0;
  const auto every_form = [&](int threads, norm_shape s) {
    for (const auto& [affine, relu, gated] : {std::array{true, true, false},
                                              {true, false, true},
                                              {true, false, false},
                                              {false, true, false},
                                              {false, false, false}})
      check_batch_norm<T>(threads, s, affine, relu, gated);
    ++shapes;
  };
  for (const index channels : sizes(18, {32}))
    for (const index columns : {2, 3, 7, 8, 9, 15, 16, 17, 25}) every_form(1, {channels, columns});
  for (const int threads : thread_counts)
    for (const index columns : {511, 512, 513, 2049}) every_form(threads, {17, columns});
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
