#include "ssl/nn/sequence.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/residual.hpp"
#include "support/layers.hpp"
#include "support/opaque.hpp"

using ssl::batch_norm;
using ssl::conv2d;
using ssl::image_shape;
using ssl::linear;
using ssl::relu;
using ssl::test::layer_probe;
using ssl::test::normals;

namespace {

struct silent {  // wraps every layer, so that nothing is known of it
  template <class L>
  auto operator()(L layer) const {
    return ssl::test::opaque(layer);
  }
};
struct open {
  template <class L>
  auto operator()(L layer) const {
    return layer;
  }
};

template <class F>
auto basic_block(const F& f, ssl::index width, ssl::index stride) {
  return f(conv2d{.out = width, .stride = stride}) | f(batch_norm{.relu = true}) | f(conv2d{.out = width}) |
         f(batch_norm{});
}

/// A residual network in small, with every kind of composition.
template <class F>
auto small_resnet(const F& f) {
  const auto down = f(conv2d{.out = 6, .kernel = 1, .stride = 2, .padding = 0}) | f(batch_norm{});
  const auto first = f(residual(basic_block(f, 4, 1), {.relu = true}));
  const auto second = f(residual(basic_block(f, 6, 2), down, {.relu = true}));
  const auto third = f(residual(basic_block(f, 6, 1)));
  return f(conv2d{.out = 4}) | f(batch_norm{.relu = true}) |
         f(ssl::max_pool{.kernel = 3, .stride = 1, .padding = 1}) |
         f(ssl::named("a", ssl::repeat(3, first))) | f(second) | f(ssl::repeat(2, third)) | f(relu{}) |
         f(ssl::mean_pool{}) | f(linear{.out = 5}) | f(batch_norm{}) | f(relu{}) | f(linear{.out = 3});
}

struct result {
  std::vector<double> y, again, dx, grads, params, of_eval;
  bool operator==(const result&) const = default;
};

template <class B, class L>
result both_ways(L layer, image_shape in, ssl::index n, ssl::index max_batch = 0) {
  layer_probe<L, B> probe(layer, in, max_batch > 0 ? max_batch : n);
  auto params = probe.params();
  const auto noise = normals(static_cast<ssl::index>(params.size()), 3, 0.2);
  for (std::size_t i = 0; i < params.size(); ++i) params[i] += noise[i];
  probe.set_params(params);
  const auto x = normals(probe.inputs(), 1), dy = normals(probe.outputs(), 2);
  result r;
  r.y = probe.forward(x);
  r.dx = probe.backward(dy);
  r.params = probe.params();
  r.again = probe.forward(x);  // over the tape that backward has used up
  probe.backward(dy);
  r.grads = probe.grads();
  r.of_eval = probe.forward(x, ssl::mode::eval);
  return r;
}

/// Scalars on the tape for n images.
template <class L>
ssl::index taped(const L& layer, image_shape in, ssl::index n) {
  return ssl::detail::tape_of(layer, in, n, 1);
}

}  // namespace

TEST_CASE_TEMPLATE("nn/sequence: what is not kept changes no bit", B, SSL_BACKENDS) {
  const image_shape in{3, 6, 5};
  const auto less = small_resnet(open{});
  const auto all = small_resnet(silent{});
  for (const ssl::index n : {2, 5}) {
    CAPTURE(n);
    CHECK(both_ways<B>(less, in, n) == both_ways<B>(all, in, n));
  }
  CHECK(taped(less, in, 4) < 0.55 * static_cast<double>(taped(all, in, 4)));
  const auto trunk = [](auto f) {
    return f(conv2d{.out = 4}) | f(batch_norm{}) | f(relu{}) | ssl::repeat(2, basic_block(f, 4, 1)) |
           f(ssl::mean_pool{});
  };
  CHECK(both_ways<B>(trunk(open{}), in, 1) == both_ways<B>(trunk(silent{}), in, 1));
}

TEST_CASE_TEMPLATE("nn/sequence: a batch norm's output is remade unless it is told to keep it", B,
                   SSL_BACKENDS) {
  const image_shape in{3, 6, 5};
  const auto net = [](bool keep) {
    const auto block = conv2d{.out = 7} | batch_norm{.relu = true, .keep = keep};
    return ssl::repeat(3, block) | conv2d{.out = 2} |
           batch_norm{.affine = false, .relu = true, .keep = keep} | conv2d{.out = 4};
  };
  CHECK(both_ways<B>(net(true), in, 3) == both_ways<B>(net(false), in, 3));
  const ssl::index map = 7 * 30 * 3, last = 2 * 30 * 3;
  const auto up = [](ssl::index k) { return ssl::detail::padded(k); };
  CHECK(taped(net(true), in, 3) - taped(net(false), in, 3) == 3 * up(map) + up(last));
}

TEST_CASE_TEMPLATE("nn/sequence: maps of bf16 are kept and remade alike", B, SSL_BACKENDS) {
  const image_shape in{3, 6, 5};
  CHECK(both_ways<B>(ssl::in_bf16(small_resnet(open{})), in, 4) ==
        both_ways<B>(ssl::in_bf16(small_resnet(silent{})), in, 4));
}

TEST_CASE("nn/sequence: only what some backward reads is on the tape") {
  const image_shape in{4, 4, 4};
  const ssl::index map = 64, n = 2;
  CHECK(taped(conv2d{.out = 4} | relu{} | conv2d{.out = 4}, in, n) == map * n);
  CHECK(taped(conv2d{.out = 4} | relu{} | ssl::mean_pool{}, in, n) == map * n);
  CHECK(taped(conv2d{.out = 4} | ssl::mean_pool{} | linear{.out = 4}, in, n) == 16);
  CHECK(taped(conv2d{.out = 4} | ssl::identity_layer{} | ssl::mean_pool{}, in, n) == 0);
  CHECK(taped(conv2d{.out = 4} | batch_norm{} | relu{} | conv2d{.out = 4}, in, n) == 2 * map * n + 16);
  CHECK(taped(conv2d{.out = 4} | batch_norm{.relu = true} | conv2d{.out = 4}, in, n) == map * n + 16);
  const auto block = residual(basic_block(open{}, 4, 1), {.relu = true});
  CHECK(taped(block, in, n) == 2 * map * n + 32);
  CHECK(taped(ssl::repeat(4, block), in, n) == 4 * (2 * map * n + 32) + map * n);  // every other output
}

TEST_CASE_TEMPLATE("nn/sequence: agrees with finite differences where maps are remade and gates passed on", B,
                   SSL_DOUBLE_BACKENDS) {
  const auto basic = residual(basic_block(open{}, 3, 1), {.relu = true});
  CHECK(ssl::test::gradient_error<B>(conv2d{.out = 3} | batch_norm{.relu = true} | ssl::repeat(3, basic),
                                     {2, 4, 3}, 3) < 1e-6);
}
