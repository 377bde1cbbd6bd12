#include "ssl/data/batch_source.hpp"

#include "ssl/data/any_dataset.hpp"
#include "ssl/data/synthetic.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

const memory_dataset& images() {
  static const auto data = make_synthetic({.size = 8}, 1, 12);
  return data;
}

/// The same images, which do not say that they lie in one block.
struct scattered_images {
  index size() const { return images().size(); }
  image_shape shape() const { return images().shape(); }
  std::span<const std::uint8_t> bytes(index i) const { return images().bytes(i); }
};

/// The bytes of a batch as they arrive, and the names beside them.
template <class B, class D>
struct batch_probe {
  B be;
  batch_source<B, D> source;
  index n;
  decltype(be.template allocate<std::uint8_t>(index{})) bytes;
  decltype(be.template allocate<index>(index{})) names;

  batch_probe(const D& data, index batch, residence where)
      : source(be, data, batch, where),
        n(batch),
        bytes(be.template allocate<std::uint8_t>(data.shape().size() * batch)),
        names(be.template allocate<index>(batch)) {}

  void check(const D& data, const std::vector<index>& ids) {
    source.load(ids, bytes.as(data.shape().size(), n), names.all());
    std::vector<std::uint8_t> host(static_cast<std::size_t>(data.shape().size() * n));
    std::vector<index> found(static_cast<std::size_t>(n));
    be.download(as_const(bytes.as(data.shape().size(), n)), make_view(host.data(), data.shape().size(), n));
    be.download(as_const(names.all()), make_view(found.data(), n, 1));
    be.wait();
    CHECK(found == ids);
    std::vector<std::uint8_t> image(static_cast<std::size_t>(data.shape().size()));
    for (std::size_t k = 0; k < ids.size(); ++k) {
      read_image(data, ids[k], image);
      CHECK(std::equal(image.begin(), image.end(),
                       host.begin() + static_cast<std::ptrdiff_t>(k * image.size())));
    }
  }
};

template <class B, class D>
void check_batches(const D& data, residence where, bool resident) {
  batch_probe<B, D> probe(data, 3, where);
  CHECK(probe.source.resident() == resident);
  const index settled = probe.be.allocations();
  for (const auto& ids : {std::vector<index>{0, 1, 2}, {11, 0, 7}, {5, 5, 5}, {9, 4, 10}})
    probe.check(data, ids);
  CHECK(probe.be.allocations() == settled);
}

}  // namespace

TEST_CASE_TEMPLATE("data/batch_source: brings any images of a collection that lives with the backend", B,
                   SSL_BACKENDS) {
  check_batches<B>(images(), residence::automatic, true);
  check_batches<B>(images(), residence::device, true);
}

TEST_CASE_TEMPLATE("data/batch_source: sends batches of a collection that stays on the host", B,
                   SSL_BACKENDS) {
  check_batches<B>(images(), residence::stream, false);
  check_batches<B>(scattered_images{}, residence::automatic, false);
}

TEST_CASE_TEMPLATE("data/batch_source: asks a collection of any kind whether it lies in memory", B,
                   SSL_BACKENDS) {
  check_batches<B>(any_dataset(images()), residence::automatic, true);
  check_batches<B>(any_dataset(scattered_images{}), residence::automatic, false);
}

TEST_CASE_TEMPLATE("data/batch_source: says what does not fit", B, SSL_BACKENDS) {
  B be;
  using source = batch_source<B, scattered_images>;
  const scattered_images scattered;
  CHECK_THROWS_WITH_AS(source(be, scattered, 3, residence::device),
                       "ssl::batch_source: the images do not lie in one block of memory, so they cannot live "
                       "on the device; expected residence::automatic or residence::stream",
                       option_error);
  batch_probe<B, memory_dataset> probe(images(), 3, residence::automatic);
  CHECK_THROWS_WITH_AS(probe.source.load(std::vector<index>{1, 2}, probe.bytes.as(images().shape().size(), 3),
                                         probe.names.all()),
                       "ssl::batch_source: 2 images were asked for, expected a batch of 3", shape_error);
}

}  // namespace ssl::test
