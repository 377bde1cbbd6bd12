#pragma once
// SPDX-License-Identifier: MIT

/// How the images of a batch reach the backend: gathered there from a copy of the whole collection, or sent
/// from the host a batch at a time.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ssl/data/dataset.hpp"
#include "ssl/exec/upload_stage.hpp"

namespace ssl {

/// Where a run keeps its images.
enum class residence {
  automatic,  // on the device where they take at most half of what is free; in the host's memory on a CPU
  device,     // on the device
  stream,     // on the host; each batch is sent from page-locked memory while the device works
};

namespace detail {

/// out(i, j) = images(i, names[j]).
template <class Space>
struct gather_image {
  matrix_view<const std::uint8_t, Space> images;  // (h w c, all)
  const index* names;                             // (n)
  SSL_FN std::uint8_t operator()(index i, index j) const { return images(i, names[j]); }
};

/// A backend that knows how much memory its device has left.
template <class B>
concept MeasuringBackend = requires {
  { B::free_bytes() } -> std::convertible_to<index>;
};

}  // namespace detail

/// Batches of one collection in a backend's memory. Refers to the collection and the backend.
template <Backend B, Dataset D>
class batch_source {
  using space = typename B::space;
  using byte_view = matrix_view<std::uint8_t, space>;
  static constexpr bool on_host = std::same_as<space, host_space>;

 public:
  /// Uploads the collection where it is to live on the device. Throws option_error if it cannot, as its
  /// images do not lie in one block; out_of_memory.
  batch_source(B& be, const D& data, index batch, residence where = residence::automatic)
      : be_(&be), data_(&data), names_(be, batch) {
    [[maybe_unused]] const index bytes = data.shape().size() * data.size();
    std::span<const std::uint8_t> all;  // empty where the images do not lie in one block
    if constexpr (ContiguousDataset<D>) all = data.all_pixels();
    if (all.empty()) {
      if (where == residence::device)
        throw option_error(
            "ssl::batch_source: the images do not lie in one block of memory, so they cannot live on the "
            "device; expected residence::automatic or residence::stream");
    } else if constexpr (on_host) {
      if (where != residence::stream)
        images_ = make_view<host_space, const std::uint8_t>(all.data(), data.shape().size(), data.size());
    } else if (where == residence::device || (where == residence::automatic && fits(bytes))) {
      memory_ = allocate<std::uint8_t>(be, bytes, "the images");
      const byte_view all_images = memory_.as(data.shape().size(), data.size());
      be.upload(make_view<host_space, const std::uint8_t>(all.data(), all_images.rows, all_images.cols),
                all_images);
      images_ = all_images;
    }
    if (!resident()) pixels_.emplace(be, data.shape().size() * batch);
  }

  /// Whether batches are gathered where the backend computes.
  bool resident() const { return images_.data != nullptr; }

  /// bytes (h w c, n) = these images, names (n, 1) = their numbers; n is the batch. Queued.
  void load(std::span<const index> ids, byte_view bytes, matrix_view<index, space> names) {
    name(ids, names);
    if (resident()) {
      map(*be_, bytes, detail::gather_image<space>{images_, names.data});
      return;
    }
    const std::span<std::uint8_t> host = pixels_->next();
    const auto size = static_cast<std::size_t>(data_->shape().size());
    for (std::size_t k = 0; k < ids.size(); ++k) read_image(*data_, ids[k], host.subspan(k * size, size));
    pixels_->send(bytes);
  }

  /// The same for images that were read already: pixels (h w c, n) on the host, which may be forgotten. Only
  /// where the images do not live with the backend.
  void send(std::span<const index> ids, std::span<const std::uint8_t> pixels, byte_view bytes,
            matrix_view<index, space> names) {
    detail::demand(!resident() && static_cast<index>(pixels.size()) == bytes.size(), "batch_source",
                   std::to_string(pixels.size()) + " bytes of images were sent" +
                       (resident() ? " although the images live with the backend"
                                   : ", expected " + std::to_string(bytes.size())));
    name(ids, names);
    const std::span<std::uint8_t> host = pixels_->next();
    std::copy(pixels.begin(), pixels.end(), host.begin());
    pixels_->send(bytes);
  }

 private:
  void name(std::span<const index> ids, matrix_view<index, space> names) {
    const std::span<index> host_names = names_.next();
    detail::demand(ids.size() == host_names.size(), "batch_source",
                   std::to_string(ids.size()) + " images were asked for, expected a batch of " +
                       std::to_string(host_names.size()));
    std::copy(ids.begin(), ids.end(), host_names.begin());
    names_.send(names);
  }

  static bool fits([[maybe_unused]] index bytes) {
    if constexpr (detail::MeasuringBackend<B>) {
      return bytes <= B::free_bytes() / 2;
    } else {
      return false;
    }
  }

  B* be_;
  const D* data_;
  upload_stage<B, index> names_;
  std::optional<upload_stage<B, std::uint8_t>> pixels_;
  decltype(std::declval<B&>().template allocate<std::uint8_t>(index{})) memory_;
  matrix_view<const std::uint8_t, space> images_{};  // (h w c, all)
};

}  // namespace ssl
