// build error: ssl: a Layer has `forward\(ctx, in, n, p\)` and `backward\(ctx, in, n, p\)` const

#include "ssl/backend/eigen.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

using context = ssl::context<ssl::eigen_backend<float>>;

struct my_layer {
  using kind = ssl::layer_kind;
  ssl::image_shape output(ssl::image_shape in) const { return in; }
  std::vector<ssl::segment> parameters(ssl::image_shape) const { return {}; }
  ssl::index parameter_count(ssl::image_shape) const { return 0; }
  ssl::index tape(ssl::image_shape, ssl::index) const { return 0; }
  template <class Ctx>
  void forward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend>) const {}
#ifndef SSL_FAIL
  template <class Ctx>
  void backward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend>) const {}
#endif
};

static_assert(ssl::check_layer<my_layer, context>());
