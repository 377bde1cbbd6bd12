// build error: ssl: this layer runs on maps of the backend's scalar only

#include "ssl/backend/eigen.hpp"
#include "ssl/nn/activation.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/network.hpp"

using backend = ssl::eigen_backend<float>;

struct my_layer {
  using kind = ssl::layer_kind;
  ssl::image_shape output(ssl::image_shape in) const { return in; }
  std::vector<ssl::segment> parameters(ssl::image_shape) const { return {}; }
  ssl::index parameter_count(ssl::image_shape) const { return 0; }
  ssl::index tape(ssl::image_shape, ssl::index) const { return 0; }
#ifdef SSL_FAIL
  template <class Ctx>
  void forward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend>) const {}
  template <class Ctx>
  void backward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend>) const {}
#else
  template <class Ctx, class S>
  void forward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend, S>) const {}
  template <class Ctx, class S>
  void backward(Ctx&, ssl::image_shape, ssl::index, ssl::pass<typename Ctx::backend, S>) const {}
#endif
};

void use(backend& be, ssl::context<backend>& ctx, ssl::view<backend> x, ssl::view<backend> y) {
  ssl::network net(be, ssl::in_bf16(ssl::relu{} | my_layer{}), {3, 1, 1}, 4);
  net.forward(ctx, x, y);
}
