#include "support/measure.hpp"

#include <cstdint>

namespace ssl_example {

classifier_scores classify(ssl::context<backend> ctx, ssl::cview<backend> train,
                           std::span<const int> train_labels, ssl::cview<backend> test,
                           std::span<const int> test_labels, int classes, const ssl::ridge_probe& linear) {
  const double near = ssl::knn(ctx, train, train_labels, test, test_labels, classes).score.top1;
  const auto probe = linear.fit(ctx, train, train_labels, classes);
  return {near, probe.classifier.evaluate(ctx, test, test_labels).score.top1};
}

measurement measure_pixels(ssl::context<backend> ctx, const ssl::dataset_split& data, index train_images) {
  const auto features = [&](const ssl::memory_dataset& part, index count) {
    owned_matrix x(ctx.be, part.shape().size(), count);
    const from_host<std::uint8_t> bytes(ctx.be, part.all_pixels().data(), x.all.rows, count);
    ssl::map(ctx.be, x.all, brightness{}, bytes.all);
    ctx.be.wait();
    return x;
  };
  const auto train = features(data.train, train_images), test = features(data.test, data.test.size());
  const auto labels = data.train.labels().first(static_cast<std::size_t>(train_images));
  // One strength instead of the best of eight: each costs the factor of a matrix as wide as the image has
  // bytes.
  const auto scores =
      classify(ctx, train.all, labels, test.all, data.test.labels(), data.train.classes(), {.lambda = 0.1});
  return {.name = "raw pixels", .knn = scores.knn, .linear = scores.linear};
}

}  // namespace ssl_example
