// A loss of two views that are equal but for their sign, and the features of one image as a bag of patches.

#include <cmath>
#include <cstdio>
#include <vector>

#include "ssl/augment/normalize.hpp"
#include "ssl/backend/eigen.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/eval/bag.hpp"
#include "ssl/eval/patch_mean.hpp"
#include "ssl/loss/evaluate.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/nn/patch_encoder.hpp"
#include "ssl/nn/projector.hpp"
#include "ssl/patch/fixed_scale.hpp"

#if defined(WITH_zlib)
#include "ssl/data/gzip.hpp"
#endif
#if defined(WITH_image)
#include "ssl/data/image_file.hpp"
#endif
#if defined(WITH_onednn)
#include <dnnl.hpp>
#endif
#if defined(WITH_openmp) != defined(_OPENMP) || defined(WITH_blas) != defined(EIGEN_USE_BLAS)
#error "a component reaches a program just where it asks for it"
#endif

int main() {
  using backend = ssl::eigen_backend<double>;
  ssl::workspace<backend> work;
  auto ctx = work.ctx();

  const ssl::index d = 3, n = 4;
  std::vector<double> z(2 * d * n), dz(z.size());  // (3, 2 * 4)
  for (std::size_t k = 0; k < d * n; ++k) z[k] = 1, z[k + d * n] = -1;
  const auto loss = ssl::evaluate(ctx, ssl::invariance{}, {ssl::make_view(z.data(), d, 2 * n), 2},
                                  ssl::make_view(dz.data(), d, 2 * n));

  const auto images = ssl::make_synthetic({.size = 16}, 1, 1);
  const auto views = ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {8}, .image = 16},
                                      ssl::normalize{}, {3, 8, 8});
  ssl::network encoder(work.backend(), ssl::patch_encoder({.widths = {4, 6}}), {3, 8, 8}, 0);
  ssl::network projector(work.backend(), ssl::projector({2}), encoder.output_shape(), 0);
  encoder.initialise({1, 0});
  projector.initialise({2, 0});
  std::vector<double> features(6);  // (6, 1)
  ssl::bag_features(ctx, encoder, projector, views, {3, 0}, images, {.images = 1, .views = 8},
                    ssl::patch_mean{}, ssl::make_view(features.data(), 6, 1));
  double length = 0;
  for (const double f : features) length += f * f;

  std::printf("loss %g, length of the bag's features %g", loss.total, std::sqrt(length));
#if defined(WITH_zlib) && defined(WITH_image)
  std::printf(", zlib %s, libpng %s", zlibVersion(), png_get_libpng_ver(nullptr));
#endif
#if defined(WITH_onednn)
  std::printf(", oneDNN %d", dnnl::version() ? dnnl::version()->major : 0);
#endif
  std::printf("\n");
  return loss.total == 4 && std::isfinite(length) && length > 0 ? 0 : 1;
}
