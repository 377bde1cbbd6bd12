#include "ssl/nn/batch_norm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <mutex>
#include <thread>

#include "support/layers.hpp"

using ssl::test::gradient_error;
using ssl::test::layer_probe;
using ssl::test::relative_error;
using ssl::test::tolerance;

TEST_CASE_TEMPLATE("nn/batch_norm: training normalises and moves the running statistics as PyTorch", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::batch_norm, B> probe({.momentum = 0.25, .eps = 0.75}, {2, 1, 2}, 2);
  probe.set_params({1, 2, /* bias */ 0, 5, /* running */ 0, 4, 1, 1});
  // channel 0: 1 2 3 4, mean 2.5, variance 1.25 (5 / 3 unbiased); channel 1: constant 8
  const double s = 1 / std::sqrt(2.0);
  CHECK(relative_error(probe.forward({1, 8, 2, 8, 3, 8, 4, 8}),
                       {-1.5 * s, 5, -0.5 * s, 5, 0.5 * s, 5, 1.5 * s, 5}) < tolerance<B>);
  CHECK(relative_error(probe.params(), {1, 2, 0, 5, 0.625, 5, 0.75 + 0.25 * 5 / 3, 0.75}) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/batch_norm: evaluation uses the running statistics and leaves them", B, SSL_BACKENDS) {
  layer_probe<ssl::batch_norm, B> probe({.eps = 0}, {2, 1, 1}, 2);
  const std::vector<double> params{1, 2, 0, 5, /* mean */ 1, 3, /* variance */ 4, 16};
  probe.set_params(params);
  CHECK(relative_error(probe.forward({1, 3, 5, 7}, ssl::mode::eval), {0, 5, 2, 7}) < tolerance<B>);
  CHECK(probe.params() == params);
}

TEST_CASE_TEMPLATE("nn/batch_norm: keeps its digits when the mean is a thousand deviations", B,
                   SSL_BACKENDS) {
  const ssl::index n = 4000;
  layer_probe<ssl::batch_norm, B> probe({.eps = 0, .affine = false}, {3, 1, 1}, n);
  const auto x = ssl::test::normals(3 * n, 4, 1, 1000);
  std::vector<double> expected(x.size());
  for (std::size_t c = 0; c < 3; ++c) {  // the reference sees what the scalar could hold
    double mean = 0, square = 0;
    const auto held = [&](std::size_t i) {
      return static_cast<double>(static_cast<typename B::scalar>(x[i]));
    };
    for (std::size_t i = c; i < x.size(); i += 3) mean += held(i) / n;
    for (std::size_t i = c; i < x.size(); i += 3) square += (held(i) - mean) * (held(i) - mean) / n;
    for (std::size_t i = c; i < x.size(); i += 3) expected[i] = (held(i) - mean) / std::sqrt(square);
  }
  CHECK(relative_error(probe.forward(x), expected) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/batch_norm: agrees with finite differences, with and without weights and relu", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(ssl::batch_norm{}, {3, 2, 2}, 4) < 1e-7);
  CHECK(gradient_error<B>(ssl::batch_norm{.affine = false}, {3, 2, 2}, 4) < 1e-7);
  CHECK(gradient_error<B>(ssl::batch_norm{.relu = true}, {3, 2, 2}, 4) < 1e-7);
  CHECK(gradient_error<B>(ssl::batch_norm{.affine = false, .relu = true}, {3, 1, 1}, 9) < 1e-7);
}

TEST_CASE_TEMPLATE("nn/batch_norm: the fused relu is the relu of the plain one", B, SSL_BACKENDS) {
  layer_probe<ssl::batch_norm, B> plain({}, {17, 3, 3}, 40), fused({.relu = true}, {17, 3, 3}, 40);
  const auto x = ssl::test::normals(plain.inputs(), 1), dy = ssl::test::normals(plain.inputs(), 2);
  for (const ssl::mode phase : {ssl::mode::eval, ssl::mode::train}) {
    auto y = plain.forward(x, phase);
    for (double& v : y) v = v < 0 ? 0 : v;
    CHECK(fused.forward(x, phase) == y);
  }
  auto masked = dy;
  const auto y = fused.forward(x);
  for (std::size_t i = 0; i < y.size(); ++i) masked[i] = y[i] > 0 ? dy[i] : 0;
  CHECK(relative_error(fused.backward(dy), plain.backward(masked)) < tolerance<B>);
  CHECK(relative_error(fused.grads(), plain.grads()) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/batch_norm: two backward calls double the gradients, buffers keep none", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::batch_norm, B> probe({}, {2, 2, 2}, 3);
  const auto dy = ssl::test::normals(probe.outputs(), 3);
  const auto x = ssl::test::normals(probe.inputs(), 2);
  probe.forward(x);
  probe.backward(dy);
  auto once = probe.grads();
  for (std::size_t i = 4; i < 8; ++i) CHECK(once[i] == 0);
  probe.forward(x);
  probe.backward(dy);
  for (double& g : once) g *= 2;
  CHECK(relative_error(probe.grads(), once) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/batch_norm: one value per channel cannot be trained on", B, SSL_BACKENDS) {
  layer_probe<ssl::batch_norm, B> probe({}, {2, 1, 1}, 1);
  CHECK_THROWS_WITH_AS(probe.forward({1, 2}),
                       "ssl::batch_norm: the batch has one value per channel, expected at least 2 to train",
                       ssl::shape_error);
  CHECK_NOTHROW(probe.forward({1, 2}, ssl::mode::eval));
}

TEST_CASE_TEMPLATE("nn/row_sums: the sums of many columns, the last eight incomplete", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::index rows = 5, cols = 1003;
  ssl::test::matrix<B> x(work.backend(), rows, cols);
  std::vector<double> values(static_cast<std::size_t>(rows * cols));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7);
  x.set(values);
  const auto out = ctx.take_accumulator(rows, 2);
  ssl::detail::row_sums(ctx, cols, ssl::detail::shifted_moments<B>{x.read()}, out);
  std::vector<double> host(10), expected(10);
  work.backend().download(ssl::as_const(out), ssl::make_view(host.data(), rows, 2));
  work.backend().wait();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - values[i % 5];
    expected[i % 5] += d;
    expected[5 + i % 5] += d * d;
  }
  CHECK(host == expected);  // integers: exact in any order
  static_assert(sizeof(T) <= sizeof(double));
}

TEST_CASE_TEMPLATE("nn/batch_norm: maps too large for a cache are summed and mapped as their parts are", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  namespace detail = ssl::detail;
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  const ssl::index rows = 20, cols = 70003, half = cols / 2;
  std::vector<double> values(static_cast<std::size_t>(rows * cols)), slopes(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {  // small integers: exact in any order
    values[i] = static_cast<double>(i % 7) - 3;
    slopes[i] = static_cast<double>(i % 5) - 2;
  }
  ssl::test::matrix<B> x(be, rows, cols, values), dy(be, rows, cols, slopes), dx(be, rows, cols),
      parts(be, rows, cols), of_channels(be, rows, 4, ssl::test::normals(4 * rows, 1)),
      zero(be, rows, 1, std::vector<double>(static_cast<std::size_t>(rows), 0.0));
  const auto sums = [&](auto gate_of, ssl::index first, ssl::index count) {
    const auto out = ctx.take_accumulator(rows, 2);
    const auto gate = gate_of(first, count);
    detail::row_sums(ctx, count,
                     detail::gradient_moments<B, T, decltype(gate)>{
                         x.read().columns(first, count), dy.read().columns(first, count), zero().data, gate},
                     out);
    std::vector<double> host(static_cast<std::size_t>(2 * rows));
    be.download(ssl::as_const(out), ssl::make_view(host.data(), rows, 2));
    be.wait();
    return host;
  };
  const auto check = [&](auto gate_of) {
    const auto all = sums(gate_of, 0, cols), left = sums(gate_of, 0, half);
    auto both = sums(gate_of, half, cols - half);
    for (std::size_t i = 0; i < both.size(); ++i) both[i] += left[i];
    CHECK(all == both);
  };
  const auto open = [](ssl::index, ssl::index) { return detail::pass_all{}; };
  const auto by_map = [&](ssl::index first, ssl::index count) {
    return detail::pass_gate<B, T>{x.read().columns(first, count)};
  };
  check(open);
  check(by_map);

  const T* const c = of_channels().data;
  const detail::normalised_gradient<B, detail::pass_all> f{c, c + rows, c + 2 * rows, c + 3 * rows, {}};
  ssl::map(be, dx(), f, x.read(), dy.read());
  for (ssl::index first = 0; first < cols; first += 9000) {
    const ssl::index count = std::min<ssl::index>(9000, cols - first);
    ssl::map(be, parts().columns(first, count), f, x.read().columns(first, count),
             dy.read().columns(first, count));
  }
  CHECK(dx.get() == parts.get());
}

namespace {

/// Two ranks in two threads.
struct meeting {
  std::barrier<> gate{2};
  std::mutex lock;
  std::vector<double> sum;
};

template <class B>
struct two_ranks {
  meeting* shared;
  int number;
  int rank() const { return number; }
  int size() const { return 2; }
  void all_gather(B&, ssl::cview<B>, ssl::view<B>) {}
  void all_reduce_sum(B& be, ssl::view<B> all) {
    using T = typename B::scalar;
    std::vector<T> host(static_cast<std::size_t>(all.size()));
    be.download(ssl::as_const(all), ssl::make_view(host.data(), all.rows, all.cols));
    be.wait();
    {
      const std::lock_guard hold(shared->lock);
      shared->sum.resize(host.size());
      for (std::size_t i = 0; i < host.size(); ++i) shared->sum[i] += static_cast<double>(host[i]);
    }
    shared->gate.arrive_and_wait();
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<T>(shared->sum[i]);
    shared->gate.arrive_and_wait();
    if (number == 0) shared->sum.clear();
    shared->gate.arrive_and_wait();
    be.upload(ssl::make_view(static_cast<const T*>(host.data()), all.rows, all.cols), all);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("nn/batch_norm: two ranks with half the batch each do what one does with all of it", B,
                   SSL_BACKENDS) {
  const ssl::image_shape in{3, 2, 2};
  const ssl::index n = 6, half = in.size() * n / 2;
  layer_probe<ssl::batch_norm, B> whole({.relu = true}, in, n);
  const auto x = ssl::test::normals(2 * half, 1, 2, 30), dy = ssl::test::normals(2 * half, 2);
  const auto y = whole.forward(x), dx = whole.backward(dy), params = whole.params(), grads = whole.grads();

  meeting shared;
  std::vector<double> y_two[2], dx_two[2], params_two[2], grads_two[2];
  const auto run = [&](int rank) {
    B be = [] {
      if constexpr (std::is_constructible_v<B, int>)
        return B(1);  // the ranks are threads already
      else
        return B();
    }();
    ssl::arena<B> scratch(be);
    two_ranks<B> comm{&shared, rank};
    ssl::context<B, two_ranks<B>> ctx{be, comm, scratch};
    ssl::network net(be, ssl::batch_norm{.relu = true}, in, n / 2);
    net.initialise({1, 0});
    const auto share = [&](const std::vector<double>& all) {
      return std::vector<double>(all.begin() + rank * half, all.begin() + (rank + 1) * half);
    };
    const ssl::index cols = in.pixels() * n / 2;
    ssl::test::matrix<B> mx(be, 3, cols, share(x)), mdy(be, 3, cols, share(dy)), my(be, 3, cols),
        mdx(be, 3, cols);
    net.forward(ctx, mx.read(), my());
    net.backward(ctx, mdy.read(), mdx());
    y_two[rank] = my.get();
    dx_two[rank] = mdx.get();
    const auto host = [&](ssl::view<B> v) {
      std::vector<typename B::scalar> values(static_cast<std::size_t>(v.rows));
      be.download(ssl::as_const(v), ssl::make_view(values.data(), v.rows, 1));
      be.wait();
      return std::vector<double>(values.begin(), values.end());
    };
    params_two[rank] = host(net.params());
    grads_two[rank] = host(net.grads());
  };
  std::thread other(run, 1);
  run(0);
  other.join();

  for (int rank = 0; rank < 2; ++rank) {
    const auto share = [&](const std::vector<double>& all) {
      return std::vector<double>(all.begin() + rank * half, all.begin() + (rank + 1) * half);
    };
    CHECK(relative_error(y_two[rank], share(y)) < tolerance<B>);
    CHECK(relative_error(dx_two[rank], share(dx)) < tolerance<B>);
    CHECK(relative_error(params_two[rank], params) < tolerance<B>);
  }
  for (std::size_t i = 0; i < grads.size(); ++i) grads_two[0][i] += grads_two[1][i];
  CHECK(relative_error(grads_two[0], grads) < tolerance<B>);
}
