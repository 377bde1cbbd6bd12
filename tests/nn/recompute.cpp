#include "ssl/nn/recompute.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/residual.hpp"
#include "support/layers.hpp"

using ssl::batch_norm;
using ssl::conv2d;
using ssl::image_shape;
using ssl::recompute;
using ssl::relu;
using ssl::test::layer_probe;
using ssl::test::normals;

namespace {

struct as_it_is {
  template <class L>
  L operator()(L layer) const {
    return layer;
  }
};
struct again {
  template <class L>
  auto operator()(L layer) const {
    return recompute(layer);
  }
};

/// Around a stem, the block and the shortcut of a residual, a whole residual, a named stage.
template <class F>
auto net(const F& f) {
  const auto body = conv2d{.out = 5} | batch_norm{.relu = true} | conv2d{.out = 5} | batch_norm{};
  const auto down = conv2d{.out = 5, .kernel = 1, .padding = 0} | batch_norm{};
  return f(ssl::named("stem", conv2d{.out = 4} | batch_norm{.relu = true} | relu{})) |
         residual(f(body), f(down), {.relu = true}) |
         ssl::named("stage", ssl::repeat(3, f(residual(body, {.relu = true})))) |
         f(ssl::named("last", conv2d{.out = 3})) | f(ssl::mean_pool{});
}

template <class B, class L>
std::vector<std::vector<double>> run(L layer, image_shape in, ssl::index n) {
  layer_probe<L, B> probe(layer, in, n);
  const auto x = normals(probe.inputs(), 1), dy = normals(probe.outputs(), 2);
  std::vector<std::vector<double>> out;
  for (int k = 0; k < 2; ++k) {
    out.push_back(probe.forward(x));
    out.push_back(probe.backward(dy));
  }
  out.push_back(probe.grads());
  out.push_back(probe.params());  // running statistics moved once a step
  out.push_back(probe.forward(x, ssl::mode::eval));
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/recompute: changes no bit of values, gradients and running statistics", B,
                   SSL_BACKENDS) {
  const image_shape in{3, 6, 5};
  for (const ssl::index n : {1, 3}) CHECK(run<B>(net(again{}), in, n) == run<B>(net(as_it_is{}), in, n));
  CHECK(run<B>(recompute(recompute(net(again{}))), in, 2) == run<B>(net(as_it_is{}), in, 2));
  CHECK(run<B>(ssl::in_bf16(net(again{})), in, 2) == run<B>(ssl::in_bf16(net(as_it_is{})), in, 2));
}

TEST_CASE("nn/recompute: keeps the inputs only, and the names of the parameters") {
  const image_shape in{4, 6, 6};
  const ssl::index map = 4 * 36 * 8;
  const auto block =
      residual(conv2d{.out = 4} | batch_norm{.relu = true} | conv2d{.out = 4} | batch_norm{}, {.relu = true});
  CHECK(recompute(block).tape(in, 8) == 0);
  CHECK(ssl::repeat(5, recompute(block)).tape(in, 8) == 4 * map);
  const auto inside = net(again{}).parameters({3, 6, 5}), outside = net(as_it_is{}).parameters({3, 6, 5});
  REQUIRE(inside.size() == outside.size());
  for (std::size_t k = 0; k < inside.size(); ++k) CHECK(inside[k].name == outside[k].name);
}

TEST_CASE_TEMPLATE("nn/recompute: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(net(again{}), {2, 4, 3}, 3) < 1e-6);
}
