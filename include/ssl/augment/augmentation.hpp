#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: an augmentation changes one image in place, as its random key says.
///
/// An augmentation is a small trivially copyable value. It is called as a(team, image, key, item, view, slot)
/// with an `image_ref<T>` of values in [0, 1], by a whole team at once: team.for_each(n, body) and
/// team.reduce(n, init, fold, body) share the work, and either is complete for the whole team when it
/// returns. Every draw comes from random_stream(key, item, view, purpose, slot), so all of a team draw the
/// same, and a picture depends on nothing but its key. `streams` says how many slots an augmentation takes:
/// its own and, after it, those of what it contains. That is how two augmentations of one kind in one chain
/// draw different numbers.
///
/// `a | b` does a, then b. `sometimes(p, a)` does a with probability p. `per_view(a, b)` does a on views 0,
/// 2, ... and b on views 1, 3, ...: with two views, the first and the second.

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "ssl/backend/team.hpp"
#include "ssl/core/config.hpp"
#include "ssl/core/image_ref.hpp"
#include "ssl/core/random.hpp"

namespace ssl {

/// An augmentation says `using kind = augmentation_kind;`.
struct augmentation_kind {};

template <class A>
concept Augmentation = std::is_trivially_copyable_v<A> && std::same_as<typename A::kind, augmentation_kind> &&
    requires(const A a, const serial_team& team, image_ref<float> image, rng_key key, index k,
             std::uint32_t slot) {
  { A::streams } -> std::convertible_to<std::uint32_t>;
  a(team, image, key, k, k, slot);
};

/// First `first`, then `second`.
template <Augmentation A, Augmentation B>
struct augmentation_chain {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = A::streams + B::streams;
  static_assert(streams <= 256, "ssl: one chain of augmentations has at most 256 streams.");

  A first;
  B second;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    first(team, image, key, item, view, slot);
    second(team, image, key, item, view, slot + A::streams);
  }
};

template <Augmentation A, Augmentation B>
constexpr augmentation_chain<A, B> operator|(A first, B second) {
  return {first, second};
}

/// `inner` with a probability.
template <Augmentation A>
struct sometimes_augmentation {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1 + A::streams;

  float probability = 0.5f;
  A inner{};

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    if (random_stream(key, item, view, purpose::choose, slot).chance(probability))
      inner(team, image, key, item, view, slot + 1);
  }
};

template <Augmentation A>
constexpr sometimes_augmentation<A> sometimes(double probability, A inner) {
  return {static_cast<float>(probability), inner};
}

/// `even` on views 0, 2, ..., `odd` on views 1, 3, ...
template <Augmentation A, Augmentation B>
struct per_view_augmentation {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = A::streams < B::streams ? B::streams : A::streams;

  A even{};
  B odd{};

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    if (view % 2 == 0) {
      even(team, image, key, item, view, slot);
    } else {
      odd(team, image, key, item, view, slot);
    }
  }
};

template <Augmentation A, Augmentation B>
constexpr per_view_augmentation<A, B> per_view(A even, B odd) {
  return {even, odd};
}

}  // namespace ssl
