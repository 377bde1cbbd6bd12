#pragma once
// SPDX-License-Identifier: MIT

/// Random numbers as a pure function of (seed, epoch, image, view, purpose): Philox 4x32-10, a counter-based
/// generator (Salmon et al., SC 2011). The same key gives the same numbers on every backend, thread count and
/// resume point, because there is no state to share.

#include <cmath>
#include <cstdint>

#include "ssl/core/config.hpp"

namespace ssl {

/// What the numbers are for: two purposes never share a number. User code may add values from 128 to 255.
enum class purpose : std::uint32_t {
  initialise = 1,
  shuffle = 2,
  crop = 3,
  flip = 4,
  jitter = 5,
  grayscale = 6,
  solarize = 7,
  blur = 8,
  choose = 9,
  generate = 10,
  direction = 11,
  probe = 12,
};

/// The part of the key that a whole epoch shares.
struct rng_key {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
};

struct philox_block {
  std::uint32_t word[4];
};

/// Ten rounds of Philox 4x32: 128 bits that look random for each (counter, key).
SSL_FN philox_block philox(philox_block c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c.word[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c.word[2];
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

/// The numbers of one (key, item, view, purpose), drawn in order. Cheap to make, lives in registers.
/// `item` is an image, a parameter, or whatever the purpose counts. `slot` separates uses of one purpose
/// within one view (two augmentations of the same kind in one chain).
class random_stream {
 public:
  SSL_FN random_stream(rng_key key, index item, index view, purpose p, std::uint32_t slot = 0)
      : k0_(static_cast<std::uint32_t>(key.seed)),
        k1_(static_cast<std::uint32_t>(key.seed >> 32)),
        base_{{static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(view) ^ (slot << 24), key.epoch,
               static_cast<std::uint32_t>(p) << 24}} {}

  /// 32 random bits. A stream has 2^26 of these words.
  SSL_FN std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(base_, k0_, k1_);
      ++base_.word[3];
      used_ = 0;
    }
    return block_.word[used_++];
  }

  /// The next word drawn is word `first` of the stream: lets threads share one stream.
  SSL_FN void seek(index first) {
    const std::uint32_t kind = base_.word[3] & 0xFF000000u;
    base_.word[3] = kind + static_cast<std::uint32_t>(first / 4);
    used_ = 4;
    for (index skipped = 0; skipped < first % 4; ++skipped) bits();
  }

  /// Uniform in [0, 1), a multiple of 2^-24: exact in float.
  SSL_FN float uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }
  SSL_FN float uniform(float low, float high) { return low + (high - low) * uniform(); }

  /// Uniform integer in [0, n), by multiplication; the bias is below n / 2^32.
  SSL_FN index below(index n) {
    return static_cast<index>((std::uint64_t{bits()} * static_cast<std::uint64_t>(n)) >> 32);
  }

  SSL_FN bool chance(float probability) { return uniform() < probability; }

  /// Standard normal by Box-Muller; two words a number.
  SSL_FN float normal() {
    const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
    return radius * std::cos(6.2831853071795865f * uniform());
  }

 private:
  std::uint32_t k0_, k1_;
  philox_block base_;
  philox_block block_{};
  int used_ = 4;
};

}  // namespace ssl
