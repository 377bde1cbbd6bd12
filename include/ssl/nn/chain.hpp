#pragma once
// SPDX-License-Identifier: MIT

/// Composition: `a | b` layers of different types in a flat list, `stack` and `repeat` many of one type,
/// `named` a name in the table of parameters.
///
///     conv2d{.out = 64} | batch_norm{.relu = true} | repeat(8, block) | mean_pool{}

#include <tuple>
#include <utility>

#include "ssl/nn/sequence.hpp"

namespace ssl {

/// Layers of different types in order. Keep the list of types short: what repeats goes into a stack.
template <LayerKind... Ls>
class chain : public sequence<chain<Ls...>> {
 public:
  constexpr explicit chain(std::tuple<Ls...> layers) : layers_(std::move(layers)) {}

  constexpr index length() const { return static_cast<index>(sizeof...(Ls)); }
  template <class F>
  void visit(index k, const F& f) const {
    visit_at(k, f, std::index_sequence_for<Ls...>{});
  }
  constexpr const std::tuple<Ls...>& layers() const { return layers_; }

 private:
  template <class F, std::size_t... K>
  void visit_at(index k, const F& f, std::index_sequence<K...>) const {
    ((k == static_cast<index>(K) ? f(std::get<K>(layers_)) : void()), ...);
  }

  std::tuple<Ls...> layers_;
};

namespace detail {

template <class L>
constexpr std::tuple<L> listed(L layer) {
  return {std::move(layer)};
}
template <class... Ls>
constexpr std::tuple<Ls...> listed(const chain<Ls...>& layers) {
  return layers.layers();
}
template <class... Ls>
constexpr chain<Ls...> chained(std::tuple<Ls...> layers) {
  return chain<Ls...>(std::move(layers));
}

}  // namespace detail

/// First a, then b. Chains are joined, not nested.
template <LayerKind A, LayerKind B>
constexpr auto operator|(A a, B b) {
  return detail::chained(std::tuple_cat(detail::listed(std::move(a)), detail::listed(std::move(b))));
}

/// Layers of one type in order; their number and options are values, so a deep network costs one type.
template <LayerKind L>
class stack : public sequence<stack<L>> {
 public:
  stack() = default;
  explicit stack(std::vector<L> layers) : layers_(std::move(layers)) {}

  index length() const { return static_cast<index>(layers_.size()); }
  template <class F>
  void visit(index k, const F& f) const {
    f(layers_[static_cast<std::size_t>(k)]);
  }

 private:
  std::vector<L> layers_;
};

/// `count` layers of the same description, each with its own parameters.
template <LayerKind L>
stack<L> repeat(index count, L layer) {
  if (count < 0)
    throw option_error("ssl::repeat: the count is " + std::to_string(count) + ", expected zero or more");
  return stack<L>(std::vector<L>(static_cast<std::size_t>(count), std::move(layer)));
}

/// A layer whose parameters are called "name.weight", ... instead of "3.weight"; with an empty name "weight".
/// The name must outlive the layer: use literals.
template <LayerKind L>
struct named_layer {
  using kind = layer_kind;
  const char* name = "";
  L layer;

  constexpr image_shape output(image_shape in) const { return layer.output(in); }
  std::vector<segment> parameters(image_shape in) const { return layer.parameters(in); }
  constexpr index parameter_count(image_shape in) const { return layer.parameter_count(in); }
  constexpr index tape(image_shape in, index n, index entries = 1) const {
    return detail::tape_of(layer, in, n, entries);
  }
  constexpr backward_reads reads() const { return detail::reads_of(layer); }
  constexpr bool in_place() const { return detail::runs_in_place(layer); }
  constexpr bool takes_gate() const { return detail::takes_gate(layer); }
  constexpr bool remakes(bool with_x) const { return detail::remakes(layer, with_x); }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    detail::check_storage<L, Ctx, S>();
    layer.forward(ctx, in, n, p);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    layer.backward(ctx, in, n, p);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    detail::remake(layer, ctx, in, n, p);
  }
};

template <LayerKind L>
constexpr named_layer<L> named(const char* name, L layer) {
  return {name, std::move(layer)};
}

}  // namespace ssl
