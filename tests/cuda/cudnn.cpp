// cuDNN's convolutions against matrix products on the same device.

#include "ssl/backend/cudnn.cuh"

#include "ssl/nn/convolve.hpp"
#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/recipes.hpp"
#include "support/backends.hpp"
#include "support/layers.hpp"

namespace ssl::test {
namespace {

using B = cudnn_backend;

struct pass_values {
  std::vector<double> y, dx, dw;
};

/// y, dx and dw (on top of ones) of one convolution, by cuDNN or by matrix products.
template <bool by_columns>
pass_values convolve_once(workspace<B>& work, const conv_geometry& g, index n) {
  auto ctx = work.ctx();
  B& be = work.backend();
  const image_shape out = g.out();
  const matrix<B> x(be, g.in.channels, g.in.pixels() * n, normals(g.in.size() * n, 1));
  const matrix<B> w(be, g.out_channels, g.patch(), normals(g.out_channels * g.patch(), 2));
  const matrix<B> dy(be, out.channels, out.pixels() * n, normals(out.size() * n, 3));
  matrix<B> y(be, out.channels, out.pixels() * n), dx(be, g.in.channels, g.in.pixels() * n);
  matrix<B> dw(be, g.out_channels, g.patch(),
               std::vector<double>(static_cast<std::size_t>(g.out_channels * g.patch()), 1.0));
  if constexpr (by_columns) {
    detail::convolve_by_columns<decltype(ctx), B, float>(ctx, g, x.read(), w.read(), y());
    detail::convolve_gradient_by_columns<decltype(ctx), B, float>(ctx, g, x.read(), w.read(), dy.read(), dx(),
                                                                  dw());
  } else {
    convolve(ctx, g, x.read(), w.read(), y());
    convolve_gradient(ctx, g, x.read(), w.read(), dy.read(), dx(), dw());
  }
  return {y.get(), dx.get(), dw.get()};
}

const std::vector<conv_geometry>& geometries() {
  static const std::vector<conv_geometry> list{{{3, 16, 16}, 32, 3, 1, 1}, {{32, 16, 16}, 64, 3, 2, 1},
                                               {{64, 8, 8}, 128, 1, 2, 0}, {{16, 9, 9}, 8, 5, 1, 2},
                                               {{3, 32, 32}, 64, 7, 2, 3}, {{128, 4, 4}, 256, 1, 1, 0}};
  return list;
}

}  // namespace

static_assert(check_backend<B>());
static_assert(ConvolvingForward<B> && ConvolvingBackward<B>);
static_assert(ConvolvingForward<B, bf16> && ConvolvingBackward<B, bf16>);

TEST_CASE("cudnn: convolutions and both gradients equal those by matrix products") {
  workspace<B> work;
  for (const conv_geometry& g : geometries())
    for (const index n : {1, 5}) {
      CAPTURE(g.in.channels);
      CAPTURE(g.kernel);
      CAPTURE(n);
      const auto ours = convolve_once<true>(work, g, n), theirs = convolve_once<false>(work, g, n);
      CHECK(relative_error(theirs.y, ours.y) < tolerance<B>);
      CHECK(relative_error(theirs.dx, ours.dx) < tolerance<B>);
      CHECK(relative_error(theirs.dw, ours.dw) < tolerance<B>);
    }
}

TEST_CASE("cudnn: convolutions of bf16 round no more than those by matrix products") {
  const image_shape in{3, 16, 16};
  const index n = 6;
  layer_probe<decltype(in_bf16(patch_encoder())), cudnn_backend> theirs(in_bf16(patch_encoder()), in, n);
  layer_probe<decltype(in_bf16(patch_encoder())), cuda_backend<float>> ours(in_bf16(patch_encoder()), in, n);
  layer_probe<decltype(patch_encoder()), cuda_backend<float>> whole(patch_encoder(), in, n);
  const auto x = normals(in.size() * n, 4), dy = normals(whole.outputs(), 5);
  const auto exact = whole.forward(x);
  const double apart = relative_error(ours.forward(x), exact);
  CHECK(relative_error(theirs.forward(x), exact) < 2 * apart + tolerances.of_bf16);
  whole.backward(dy), ours.backward(dy), theirs.backward(dy);
  const auto gradient = whole.grads();
  CHECK(relative_error(theirs.grads(), gradient) <
        2 * relative_error(ours.grads(), gradient) + tolerances.of_bf16);
}

TEST_CASE("cudnn: the same bits twice, and no allocation the second time") {
  workspace<B> work;
  const conv_geometry g = geometries()[1];
  const auto first = convolve_once<false>(work, g, 7);
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> x(be, g.in.channels, g.in.pixels() * 7), w(be, g.out_channels, g.patch()),
      y(be, g.out_channels, g.out().pixels() * 7);
  const index settled = be.allocations();
  convolve(ctx, g, x.read(), w.read(), y());
  CHECK(be.allocations() == settled);
  const auto again = convolve_once<false>(work, g, 7);
  CHECK(first.y == again.y);
  CHECK(first.dx == again.dx);
  CHECK(first.dw == again.dw);
}

TEST_CASE("cudnn: a workspace that is too small is told in a sentence") {
  workspace<B> work(B{{.workspace = -1}});
  CHECK_THROWS_AS(convolve_once<false>(work, geometries()[0], 2), backend_error);
}

}  // namespace ssl::test
