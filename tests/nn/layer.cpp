#include "ssl/nn/layer.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/activation.hpp"
#include "support/layers.hpp"

namespace {

/// The least that makes a layer: y = 2 x.
struct doubled {
  using kind = ssl::layer_kind;
  ssl::image_shape output(ssl::image_shape in) const { return in; }
  std::vector<ssl::segment> parameters(ssl::image_shape) const { return {}; }
  ssl::index parameter_count(ssl::image_shape) const { return 0; }
  ssl::index tape(ssl::image_shape, ssl::index) const { return 0; }
  template <class Ctx>
  void forward(Ctx& ctx, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend> p) const {
    ssl::map(ctx.be, p.y, ssl::fn::scale<typename Ctx::scalar>{2}, p.x);
  }
  template <class Ctx>
  void backward(Ctx& ctx, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend> p) const {
    if (p.dx.data) ssl::map(ctx.be, p.dx, ssl::fn::scale<typename Ctx::scalar>{2}, p.dy);
  }
};

struct untagged : doubled {
  using kind = int;
};

}  // namespace

TEST_CASE_TEMPLATE("nn/layer: a layer of one's own needs the tag, shapes, a table and two passes", B,
                   SSL_BACKENDS) {
  using Ctx = ssl::context<B>;
  static_assert(ssl::Layer<doubled, Ctx>);
  static_assert(ssl::check_layer<doubled, Ctx>());
  static_assert(ssl::Layer<ssl::relu, Ctx>);
  static_assert(!ssl::LayerKind<untagged>);
  static_assert(!ssl::Layer<untagged, Ctx>);
  static_assert(!ssl::LayerShapes<int>);
  ssl::test::layer_probe<doubled, B> probe({}, {2, 1, 1}, 2);
  CHECK(probe.forward({1, -2, 3, 4}) == std::vector<double>{2, -4, 6, 8});
  CHECK(probe.backward({1, 1, 1, 0}) == std::vector<double>{2, 2, 2, 0});
}

TEST_CASE("nn/layer: a slice of nothing is nothing") {
  const ssl::matrix_view<float, ssl::host_space> none{};
  CHECK(ssl::slice(none, 5, 3).data == nullptr);
  float block[8] = {};
  const auto some = ssl::slice(ssl::make_view(block, 8, 1), 5, 3);
  CHECK(some.data == block + 5);
  CHECK(some.rows == 3);
}
