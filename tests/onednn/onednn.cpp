// oneDNN's convolutions against eigen_backend's.

#include "ssl/backend/onednn.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "ssl/nn/convolve.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

using B = onednn_backend<float>;

struct pass_values {
  std::vector<double> y, dx, dw;
};

/// y, dx and dw (on top of ones) of one convolution.
template <class Backend>
pass_values convolve_once(Backend& be, const conv_geometry& g, index n) {
  arena<Backend> scratch(be);
  single<Backend> comm;
  context<Backend> ctx{be, comm, scratch, mode::train};
  const image_shape out = g.out();
  const matrix<Backend> x(be, g.in.channels, g.in.pixels() * n, normals(g.in.size() * n, 1));
  const matrix<Backend> w(be, g.out_channels, g.patch(), normals(g.out_channels * g.patch(), 2));
  const matrix<Backend> dy(be, out.channels, out.pixels() * n, normals(out.size() * n, 3));
  matrix<Backend> y(be, out.channels, out.pixels() * n), dx(be, g.in.channels, g.in.pixels() * n);
  matrix<Backend> dw(be, g.out_channels, g.patch(),
                     std::vector<double>(static_cast<std::size_t>(g.out_channels * g.patch()), 1.0));
  convolve(ctx, g, x.read(), w.read(), y());
  convolve_gradient(ctx, g, x.read(), w.read(), dy.read(), dx(), dw());
  return {y.get(), dx.get(), dw.get()};
}

const std::vector<conv_geometry>& geometries() {
  static const std::vector<conv_geometry> list{{{3, 16, 16}, 32, 3, 1, 1}, {{32, 16, 16}, 64, 3, 2, 1},
                                               {{64, 8, 8}, 128, 1, 2, 0}, {{16, 9, 9}, 8, 5, 1, 2},
                                               {{3, 32, 32}, 64, 7, 2, 3}, {{128, 4, 4}, 256, 1, 1, 0},
                                               {{5, 7, 6}, 3, 3, 1, 0},    {{1, 3, 3}, 1, 3, 1, 1}};
  return list;
}

}  // namespace

static_assert(check_backend<B>());
static_assert(ConvolvingForward<B> && ConvolvingBackward<B>);

TEST_CASE("onednn: convolutions and both gradients equal those of eigen_backend") {
  B theirs;
  eigen_backend<float> ours;
  for (const conv_geometry& g : geometries())
    for (const index n : {1, 5}) {
      CAPTURE(g.in.channels);
      CAPTURE(g.kernel);
      CAPTURE(n);
      const auto a = convolve_once(ours, g, n), b = convolve_once(theirs, g, n);
      CHECK(relative_error(b.y, a.y) < tolerance<B>);
      CHECK(relative_error(b.dx, a.dx) < tolerance<B>);
      CHECK(relative_error(b.dw, a.dw) < tolerance<B>);
    }
}

TEST_CASE("onednn: the same bits twice, and no allocation the second time") {
  B be;
  const conv_geometry g = geometries()[1];
  const auto first = convolve_once(be, g, 7);
  arena<B> scratch(be);
  single<B> comm;
  context<B> ctx{be, comm, scratch, mode::train};
  const matrix<B> x(be, g.in.channels, g.in.pixels() * 7), w(be, g.out_channels, g.patch()),
      y(be, g.out_channels, g.out().pixels() * 7), dw(be, g.out_channels, g.patch());
  const index settled = be.allocations();
  convolve(ctx, g, x.read(), w.read(), y());
  convolve_gradient(ctx, g, x.read(), w.read(), y.read(), x(), dw());
  CHECK(be.allocations() == settled);
  const auto again = convolve_once(be, g, 7);
  CHECK(first.y == again.y);
  CHECK(first.dx == again.dx);
  CHECK(first.dw == again.dw);
}

TEST_CASE("onednn: an empty dx is left out, and no image is no work") {
  B be;
  const conv_geometry g = geometries()[0];
  const auto whole = convolve_once(be, g, 2);
  const matrix<B> x(be, 3, 512, normals(1536, 1)), w(be, 32, 27, normals(864, 2)),
      dy(be, 32, 512, normals(32 * 512, 3)), dw(be, 32, 27, std::vector<double>(864, 1.0));
  be.conv2d_backward(g, x.read(), w.read(), dy.read(), view<B>{}, dw());
  CHECK(dw.get() == whole.dw);
  be.conv2d_forward(g, x.read().columns(0, 0), w.read(), dy().columns(0, 0));
  be.conv2d_backward(g, x.read().columns(0, 0), w.read(), dy.read().columns(0, 0), x().columns(0, 0), dw());
  CHECK(dw.get() == whole.dw);
}

TEST_CASE("onednn: maps inside larger matrices are refused") {
  B be;
  const conv_geometry g{{4, 6, 6}, 8, 1, 1, 0};
  const matrix<B> x(be, 10, 72), w(be, 8, 4), y(be, 8, 72);
  const cview<B> part{x.read().data + 2, 4, 72, 10};
  CHECK_THROWS_WITH_AS(be.conv2d_forward(g, part, w.read(), y()),
                       "ssl::conv2d_forward: a matrix is not contiguous; maps and weights must be",
                       shape_error);
}

TEST_CASE("onednn: one thread and three agree, and OpenMP's own number stays as it was") {
  B one(1), three(3);
  const int before = cpu::hardware_threads();
  for (const index n : {1, 4}) {
    const auto a = convolve_once(one, geometries()[1], n), b = convolve_once(three, geometries()[1], n);
    CHECK(relative_error(b.y, a.y) < tolerance<B>);
    CHECK(relative_error(b.dx, a.dx) < tolerance<B>);
    CHECK(relative_error(b.dw, a.dw) < tolerance<B>);
  }
  CHECK(cpu::hardware_threads() == before);
}

TEST_CASE("onednn: what oneDNN refuses is told in a sentence") {
  const auto refuse = [] { throw dnnl::error(dnnl_unimplemented, "could not create it"); };
  CHECK_THROWS_WITH_AS(onednn::checked("a convolution", refuse),
                       "ssl: oneDNN refused a convolution: could not create it (status 3)", backend_error);
}

}  // namespace ssl::test
