#pragma once
// SPDX-License-Identifier: MIT

/// Named elementwise functors that more than one folder uses. Named, because a device lambda cannot be
/// generic, and because profilers and error messages then say what runs.
///
/// A functor for `map` is called as f(x...) with the inputs' elements or, if it wants to know where it is,
/// as f(i, j, x...). A fold for `map_reduce` has `template identity<T>()`.

#include <limits>

#include "ssl/core/config.hpp"
#include "ssl/core/view.hpp"

namespace ssl::fn {

template <class T>
struct constant {  // c
  T value{};
  SSL_FN T operator()() const { return value; }
};

template <class T>
struct identity {  // x
  SSL_FN T operator()(T x) const { return x; }
};

template <class To>
struct cast {  // x in another type
  template <class T>
  SSL_FN To operator()(T x) const {
    return static_cast<To>(x);
  }
};

template <class T>
struct scale {  // a x
  T factor{1};
  SSL_FN T operator()(T x) const { return factor * x; }
};

template <class T>
struct axpy {  // a x + y
  T factor{1};
  SSL_FN T operator()(T x, T y) const { return factor * x + y; }
};

template <class T>
struct square {  // x^2 in double, for sums whose digits matter
  SSL_FN double operator()(T x) const { return static_cast<double>(x) * static_cast<double>(x); }
};

template <class T>
struct product {  // x y in double, for inner products whose digits matter
  SSL_FN double operator()(T x, T y) const { return static_cast<double>(x) * static_cast<double>(y); }
};

struct plus {
  template <class T>
  SSL_FN T operator()(T a, T b) const {
    return a + b;
  }
  template <class T>
  SSL_FN static constexpr T identity() {
    return T{0};
  }
};

/// The identities of a maximum and of a minimum: constants, because a GPU cannot call std::numeric_limits.
template <class T>
inline constexpr T least = std::numeric_limits<T>::lowest();
template <class T>
inline constexpr T greatest = std::numeric_limits<T>::max();

struct maximum {
  template <class T>
  SSL_FN T operator()(T a, T b) const {
    return a < b ? b : a;
  }
  template <class T>
  SSL_FN static constexpr T identity() {
    return least<T>;
  }
};

}  // namespace ssl::fn
