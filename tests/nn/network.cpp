#include "ssl/nn/network.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/pool.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::network;
using ssl::test::layer_probe;
using ssl::test::matrix;
using ssl::test::normals;

namespace {

auto small() {
  return ssl::conv2d{.out = 4, .stride = 2} | ssl::batch_norm{.relu = true} | ssl::mean_pool{} |
         ssl::linear{.out = 3};
}

}  // namespace

TEST_CASE_TEMPLATE("nn/network: the table covers the block without gaps, buffers last of their layer", B,
                   SSL_BACKENDS) {
  B be;
  const network net(be, small(), {3, 8, 8}, 2);
  ssl::index offset = 0;
  for (const ssl::segment& s : net.table()) {
    CHECK(s.offset == offset);
    offset += s.size();
  }
  CHECK(net.params().rows == offset);
  CHECK(net.grads().rows == offset);
  CHECK(net.table()[0].name == "0.weight");
  CHECK(net.table()[3].name == "1.running_mean");
  CHECK(net.table()[3].kind == ssl::role::buffer);
  CHECK(net.output_shape() == ssl::image_shape{3, 1, 1});
}

TEST_CASE_TEMPLATE("nn/network: parameters are a function of the seed alone, entry by entry", B,
                   SSL_BACKENDS) {
  layer_probe<decltype(small()), B> a(small(), {3, 8, 8}, 1, 5), b(small(), {3, 8, 8}, 4, 5),
      c(small(), {3, 8, 8}, 1, 6);
  CHECK(a.params() == b.params());
  CHECK(a.params() != c.params());
  a.net().initialise({5, 1});
  CHECK(a.params() != b.params());
  CHECK(a.params()[4 * 27] == 1);       // batch norm's weight
  CHECK(a.params()[4 * 27 + 4] == 0);   // and bias
  CHECK(a.params()[4 * 27 + 12] == 1);  // and running variance
}

TEST_CASE_TEMPLATE("nn/network: on another shape it shares parameters and adds to one gradient", B,
                   SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  const auto host = [&](ssl::cview<B> m) {
    std::vector<typename B::scalar> values(static_cast<std::size_t>(m.size()));
    be.download(m, ssl::make_view(values.data(), m.rows, m.cols));
    be.wait();
    return std::vector<double>(values.begin(), values.end());
  };
  network large(be, small(), {3, 8, 8}, 4);
  network little(large, {3, 5, 5}, 3);
  CHECK(little.params().data == large.params().data);
  CHECK(little.grads().data == large.grads().data);
  CHECK(little.output_shape() == large.output_shape());
  little.initialise({1, 0});

  network one(be, small(), {3, 8, 8}, 4), other(be, small(), {3, 5, 5}, 3);
  ssl::copy(be, large.params(), one.params());
  ssl::copy(be, large.params(), other.params());
  matrix<B> x(be, 3, 64 * 4, normals(3 * 64 * 4, 1)), x2(be, 3, 25 * 3, normals(3 * 25 * 3, 2)), y(be, 3, 4),
      y2(be, 3, 3), expected(be, 3, 4), expected2(be, 3, 3), dy(be, 3, 4, normals(12, 3)),
      dy2(be, 3, 3, normals(9, 4));
  large.forward(ctx, x.read(), y());
  little.forward(ctx, x2.read(), y2());
  large.backward(ctx, dy.read());
  little.backward(ctx, dy2.read());
  one.forward(ctx, x.read(), expected());
  other.forward(ctx, x2.read(), expected2());
  one.backward(ctx, dy.read());
  other.backward(ctx, dy2.read());
  CHECK(y.get() == expected.get());
  CHECK(y2.get() == expected2.get());
  auto sum = host(one.grads());
  const auto more = host(other.grads());
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += more[k];
  CHECK(ssl::test::relative_error(host(large.grads()), sum) < 10 * ssl::test::tolerance<B>);

  network moved(std::move(large));
  moved.forward(ctx, x.read(), y());
  CHECK(y.get() == expected.get());
}

TEST_CASE("nn/network: sharing is refused where the parameters depend on the input's shape") {
  using B = ssl::test::backend<float>;
  B be;
  network flat(be, ssl::linear{.out = 2}, {3, 4, 4}, 1);
  network no_gradients(be, small(), {3, 8, 8}, 0);
  const std::string why =
      " cannot share parameters: their number depends on the input's shape, or gradients are missing";
  CHECK(ssl::test::message<ssl::shape_error>([&] {
          network(flat, {3, 2, 2}, 1);
        }) == "ssl::network: inputs of 3x2x2 and of 3x4x4" + why);
  CHECK(ssl::test::message<ssl::shape_error>([&] {
          network(no_gradients, {3, 6, 6}, 1);
        }) == "ssl::network: inputs of 3x6x6 and of 3x8x8" + why);
}

TEST_CASE_TEMPLATE("nn/network: a step allocates nothing once it has run", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  network net(be, small(), {3, 8, 8}, 16);
  net.initialise({1, 0});
  matrix<B> x(be, 3, 64 * 16, normals(3 * 64 * 16, 1)), y(be, 3, 16), dy(be, 3, 16, normals(48, 2));
  ssl::index before = 0;
  for (int step = 0; step < 4; ++step) {
    auto ctx = work.ctx();
    net.zero_grads();
    net.forward(ctx, x.read(), y());
    net.backward(ctx, dy.read());
    auto eval = work.ctx(ssl::mode::eval);
    net.forward(eval, x.read(), y());
    if (step == 1) before = be.allocations();
  }
  CHECK(be.allocations() == before);
}

TEST_CASE_TEMPLATE("nn/network: a smaller batch gives the same as a network made for it", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  network large(be, small(), {3, 8, 8}, 9), exact(be, small(), {3, 8, 8}, 4);
  large.initialise({1, 0});
  exact.initialise({1, 0});
  matrix<B> x(be, 3, 64 * 4, normals(3 * 64 * 4, 1)), dy(be, 3, 4, normals(12, 2));
  matrix<B> y1(be, 3, 4), y2(be, 3, 4), dx1(be, 3, 64 * 4), dx2(be, 3, 64 * 4);
  auto ctx = work.ctx();
  large.forward(ctx, x.read(), y1());
  exact.forward(ctx, x.read(), y2());
  large.backward(ctx, dy.read(), dx1());
  exact.backward(ctx, dy.read(), dx2());
  CHECK(y1.get() == y2.get());
  CHECK(dx1.get() == dx2.get());
}

TEST_CASE_TEMPLATE("nn/network: evaluation takes any batch and is the same image by image", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  network net(be, small(), {3, 8, 8}, 0);
  net.initialise({1, 0});
  const auto values = normals(3 * 64 * 5, 1);
  matrix<B> x(be, 3, 64 * 5, values), y(be, 3, 5), y1(be, 3, 1);
  auto ctx = work.ctx(ssl::mode::eval);
  net.forward(ctx, x.read(), y());
  net.forward(ctx, x.read().columns(64 * 3, 64), y1());
  const auto all = y.get(), one = y1.get();
  CHECK(ssl::test::relative_error({all.begin() + 9, all.begin() + 12}, one) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/network: zero_grads empties, a missing dx is not computed", B, SSL_BACKENDS) {
  layer_probe<decltype(small()), B> probe(small(), {3, 8, 8}, 4);
  const auto dy = normals(12, 2);
  const auto x = normals(3 * 64 * 4, 1);
  probe.forward(x);
  probe.backward(dy);
  const auto with = probe.grads();
  probe.net().zero_grads();
  for (const double g : probe.grads()) CHECK(g == 0);
  matrix<B> again(probe.work().backend(), 3, 4, dy);
  probe.forward(x);
  auto ctx = probe.work().ctx();
  probe.net().backward(ctx, again.read());
  CHECK(probe.grads() == with);
}

TEST_CASE_TEMPLATE("nn/network: a pass that keeps nothing needs no tape and gives what a training pass gives",
                   B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  network trained(be, small(), {3, 8, 8}, 4), bare(be, small(), {3, 8, 8}, 0);
  CHECK(bare.tape_size() == 0);
  CHECK(bare.grads().rows == 0);
  CHECK(trained.tape_size() > 0);
  trained.initialise({1, 0});
  bare.initialise({1, 0});
  matrix<B> x(be, 3, 64 * 4, normals(3 * 64 * 4, 1)), y(be, 3, 4), y1(be, 3, 4), dy(be, 3, 4, normals(12, 2));
  auto ctx = work.ctx();
  trained.forward(ctx, x.read(), y());
  bare.forward_only(ctx, x.read(), y1());
  CHECK(y1.get() == y.get());
  const auto host = [&](ssl::view<B> v) {
    matrix<B> out(be, v.rows, 1);
    ssl::copy(be, v, out());
    return out.get();
  };
  const auto moved = host(trained.params());
  CHECK(host(bare.params()) == moved);  // running statistics too

  trained.backward(ctx, dy.read());
  const auto grads = host(trained.grads());
  trained.zero_grads();
  trained.forward_again(ctx, x.read(), y1());
  CHECK(y1.get() == y.get());
  CHECK(host(trained.params()) == moved);
  trained.forward_only(ctx, x.read(), y1());  // in between
  trained.backward(ctx, dy.read());
  CHECK(host(trained.grads()) == grads);
  CHECK_THROWS_AS(trained.backward(ctx, dy.read()), ssl::shape_error);
}

TEST_CASE_TEMPLATE("nn/network: mistakes are refused in a sentence", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  CHECK_THROWS_AS(network(be, small(), {0, 8, 8}, 4), ssl::shape_error);
  CHECK_THROWS_AS(network(be, ssl::conv2d{.kernel = 5, .padding = 0}, {3, 4, 4}, 4), ssl::shape_error);
  network net(be, small(), {3, 8, 8}, 2);
  net.initialise({1, 0});
  auto ctx = work.ctx();
  matrix<B> x(be, 3, 64 * 3), y(be, 3, 3), wrong(be, 4, 3);
  CHECK_THROWS_WITH_AS(net.backward(ctx, y.read()),
                       "ssl::network::backward: there is no forward pass in mode::train to go back through; "
                       "call forward first",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS(
      net.forward(ctx, x.read(), y()),
      "ssl::network::forward: the batch has 3 images, the network was made to train at most 2",
      ssl::shape_error);
  CHECK_THROWS_WITH_AS(net.forward(ctx, x.read(), wrong()),
                       "ssl::network::forward: y is 4x3, expected a contiguous 3x3: 3 images of 3x1x1",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS(net.forward(ctx, x.read().columns(0, 65), y()),
                       "ssl::network::forward: x is 3x65, expected a contiguous 3x64: 1 images of 3x8x8",
                       ssl::shape_error);
}
