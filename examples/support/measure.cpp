#include "support/measure.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ssl_example {

classifier_scores classify(ssl::context<backend> ctx, ssl::cview<backend> train,
                           std::span<const int> train_labels, ssl::cview<backend> test,
                           std::span<const int> test_labels, int classes, const ssl::ridge_probe& linear) {
  const double near = ssl::knn(ctx, train, train_labels, test, test_labels, classes).score.top1;
  const auto probe = linear.fit(ctx, train, train_labels, classes);
  return {near, probe.classifier.evaluate(ctx, test, test_labels).score.top1};
}

namespace {

/// The first images of a collection, at most 32 pixels a side, as columns of numbers in [0, 1].
owned_matrix shrunk_images(ssl::context<backend> ctx, const ssl::any_dataset& images, index count) {
  const ssl::image_shape source = images.shape();
  const ssl::image_shape target{source.channels, std::min<index>(source.height, 32),
                                std::min<index>(source.width, 32)};
  const index block = std::min<index>(count, 512);
  const auto size = static_cast<std::size_t>(source.size());
  owned_matrix x(ctx.be, target.size(), count);
  std::vector<std::uint8_t> host(size * static_cast<std::size_t>(block));
  const auto bytes = ssl::allocate<std::uint8_t>(ctx.be, source.size() * block, "the evaluation");
  for (index i = 0; i < count; i += block) {
    const index n = std::min(block, count - i);
    for (index k = 0; k < n; ++k)
      images.read(i + k, std::span(host).subspan(static_cast<std::size_t>(k) * size, size));
    const auto there = bytes.as(source.size(), block).columns(0, n);
    ctx.be.upload(ssl::make_view<ssl::host_space, const std::uint8_t>(host.data(), source.size(), n), there);
    ssl::crop(ctx, {}, ssl::as_const(there), source, nullptr, ssl::whole{}, 0, 1, target,
              ssl::make_view<backend::space>(x.all.columns(i, n).data, target.channels, target.pixels() * n));
  }
  ctx.be.wait();
  return x;
}

}  // namespace

measurement measure_pixels(ssl::context<backend> ctx, const ssl::any_split& data, index train_images) {
  const auto train = shrunk_images(ctx, data.bank(), train_images),
             test = shrunk_images(ctx, data.test, data.test.size());
  const auto labels = data.bank().labels().first(static_cast<std::size_t>(train_images));
  // One strength instead of the best of eight: each costs the factor of a matrix as wide as the image has
  // bytes.
  const auto scores =
      classify(ctx, train.all, labels, test.all, data.test.labels(), data.bank().classes(), {.lambda = 0.1});
  return {.name = "raw pixels", .knn = scores.knn, .linear = scores.linear};
}

}  // namespace ssl_example
