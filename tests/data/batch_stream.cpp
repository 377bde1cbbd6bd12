#include "ssl/data/batch_stream.hpp"

#include "ssl/data/synthetic.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

const memory_dataset& images() {
  static const auto data = make_synthetic({.size = 8}, 1, 11);
  return data;
}

/// The same images, read one by one.
struct decoded_images {
  index size() const { return images().size(); }
  image_shape shape() const { return images().shape(); }
  void read(index i, std::span<std::uint8_t> out) const {
    const auto image = images().bytes(i);
    std::copy(image.begin(), image.end(), out.begin());
  }
};

/// Numbers and bytes of all batches of two epochs, one after another, and the epochs of their keys.
struct walk {
  std::vector<index> names, epochs;
  std::vector<std::uint8_t> bytes;
  bool operator==(const walk&) const = default;
};

template <class B, class D>
walk walk_through(const D& data, stream_options options) {
  B be;
  const index n = 3, size = data.shape().size();
  batch_stream<B, D> batches(be, data, n, 2, {.seed = 4}, options);
  auto bytes = be.template allocate<std::uint8_t>(size * n);
  auto names = be.template allocate<index>(n);
  walk out;
  for (index s = 0; s < 2 * batches.steps_per_epoch(); ++s) {
    out.epochs.push_back(batches.next(bytes.as(size, n), names.all()).epoch);
    std::vector<std::uint8_t> host(static_cast<std::size_t>(size * n));
    std::vector<index> found(static_cast<std::size_t>(n));
    be.download(as_const(bytes.as(size, n)), make_view(host.data(), size, n));
    be.download(as_const(names.all()), make_view(found.data(), n, 1));
    be.wait();
    out.bytes.insert(out.bytes.end(), host.begin(), host.end());
    out.names.insert(out.names.end(), found.begin(), found.end());
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("data/batch_stream: who reads the images, and where they live, changes no byte", B,
                   SSL_BACKENDS) {
  const walk one = walk_through<B>(images(), {});
  CHECK(one.epochs == std::vector<index>{0, 0, 0, 1, 1, 1});
  for (const int workers : {0, 1, 3}) {
    CHECK(walk_through<B>(images(), {.workers = workers}) == one);
    CHECK(walk_through<B>(images(), {.images = residence::stream, .workers = workers}) == one);
    CHECK(walk_through<B>(decoded_images{}, {.workers = workers}) == one);
  }
}

TEST_CASE("data/batch_stream: a negative number of workers is refused") {
  backend<float> be;
  using stream = batch_stream<backend<float>, memory_dataset>;
  CHECK_THROWS_WITH_AS(stream(be, images(), 3, 1, {}, {.workers = -1}),
                       "ssl::batch_stream: workers is -1, expected at least 0", option_error);
}

}  // namespace ssl::test
