#pragma once
/// One layer run forward and backward on host values, and its gradients by finite differences.

#include <numeric>

#include "ssl/nn/network.hpp"
#include "support/backends.hpp"

namespace ssl::test {

/// A backend without its wide verbs.
template <class B>
struct plain : B {
  using B::B;
  template <class... A>
  void conv2d_forward(A&&...) = delete;
  template <class... A>
  void conv2d_backward(A&&...) = delete;
};

/// A network of one layer between host vectors.
template <class L, class B>
class layer_probe {
 public:
  layer_probe(L layer, image_shape in, index n, unsigned seed = 1)
      : net_(work_.backend(), layer, in, n),
        n_(n),
        x_(work_.backend(), in.channels, in.pixels() * n),
        dx_(work_.backend(), in.channels, in.pixels() * n),
        y_(work_.backend(), net_.output_shape().channels, net_.output_shape().pixels() * n),
        dy_(work_.backend(), net_.output_shape().channels, net_.output_shape().pixels() * n) {
    net_.initialise({seed, 0});
  }

  std::vector<double> forward(const std::vector<double>& x, mode phase = mode::train) {
    x_.set(x);
    auto ctx = work_.ctx(phase);
    net_.forward(ctx, x_.read(), y_());
    return y_.get();
  }
  /// dx; the parameters' gradients accumulate.
  std::vector<double> backward(const std::vector<double>& dy) {
    dy_.set(dy);
    auto ctx = work_.ctx();
    net_.backward(ctx, dy_.read(), dx_());
    return dx_.get();
  }

  std::vector<double> params() { return download(net_.params()); }
  std::vector<double> grads() { return download(net_.grads()); }
  void set_params(const std::vector<double>& values) {
    using T = typename B::scalar;
    const std::vector<T> host(values.begin(), values.end());
    work_.backend().upload(make_view(host.data(), net_.params().rows, 1), net_.params());
  }

  index inputs() const { return net_.input_shape().size() * n_; }
  index outputs() const { return net_.output_shape().size() * n_; }
  network<L, B>& net() { return net_; }
  workspace<B>& work() { return work_; }

 private:
  std::vector<double> download(view<B> v) {
    std::vector<typename B::scalar> host(static_cast<std::size_t>(v.rows));
    work_.backend().download(as_const(v), make_view(host.data(), v.rows, 1));
    work_.backend().wait();
    return {host.begin(), host.end()};
  }

  workspace<B> work_;
  network<L, B> net_;
  index n_;
  matrix<B> x_, dx_, y_, dy_;
};

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Worst relative error of dx and of the parameters' gradients against central differences of <w, y>, at
/// random inputs and at parameters moved a little off their starts.
template <class B, class L>
double gradient_error(L layer, image_shape in, index n, unsigned seed = 1) {
  layer_probe<L, B> probe(layer, in, n, seed);
  const auto x = normals(probe.inputs(), seed + 10);
  const auto w = normals(probe.outputs(), seed + 20);
  auto params = probe.params();
  const auto noise = normals(static_cast<index>(params.size()), seed + 30, 0.1);
  for (std::size_t i = 0; i < params.size(); ++i) params[i] += noise[i];

  probe.set_params(params);
  probe.forward(x);
  const auto dx = probe.backward(w);
  const auto dparams = probe.grads();

  const double of_x = relative_error(dx, finite_difference(
                                             [&](const std::vector<double>& at) {
                                               probe.set_params(params);
                                               return dot(probe.forward(at), w);
                                             },
                                             x));
  if (params.empty()) return of_x;
  const double of_params = relative_error(dparams, finite_difference(
                                                       [&](const std::vector<double>& at) {
                                                         probe.set_params(at);
                                                         return dot(probe.forward(x), w);
                                                       },
                                                       params));
  return of_x > of_params ? of_x : of_params;
}

}  // namespace ssl::test
