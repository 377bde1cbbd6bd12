#pragma once
/// Layers one after another, whatever holds them: y = f_L(... f_2(f_1(x))). Base of `chain` and `stack`.
///
/// Training keeps every inner activation on the tape, where it is one layer's y and the next one's x;
/// backward needs two gradient buffers from scratch. Evaluation needs two activation buffers from scratch, no
/// tape.

#include <algorithm>

#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

/// Self has `length()` and `visit(k, f)`, which calls f with its k-th layer. No layers at all copy x to y.
template <class Self>
class sequence {
 public:
  using kind = layer_kind;

  image_shape output(image_shape in) const {
    for (index k = 0; k < self().length(); ++k) self().visit(k, [&](const auto& l) { in = l.output(in); });
    return in;
  }

  /// Names begin with the layer's name or, where it has none, with its position: "3.weight".
  std::vector<segment> parameters(image_shape in) const {
    std::vector<segment> table;
    for (index k = 0; k < self().length(); ++k)
      self().visit(k, [&](const auto& layer) {
        for (segment& s : detail::prefixed(prefix(layer, k), layer.parameters(in)))
          table.push_back(std::move(s));
        in = layer.output(in);
      });
    return table;
  }

  index parameter_count(image_shape in) const {
    index sum = 0;
    for (index k = 0; k < self().length(); ++k)
      self().visit(k, [&](const auto& layer) {
        sum += layer.parameter_count(in);
        in = layer.output(in);
      });
    return sum;
  }

  index tape(image_shape in, index n, index entries = 1) const {
    index size = 0;  // the last layer's output is y and not on the tape
    walk(in, n, entries, [&](index, const auto&, const place& at) { size = at.y; });
    return size;
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    if (self().length() == 0) copy(ctx.be, p.x, p.y);
    scratch_scope scope(ctx);
    const bool train = ctx.phase == mode::train;
    const index largest = train ? 0 : largest_inner(in, n);
    const map_view<B, S> buffer[2] = {detail::take_stored<S>(ctx, largest, 1),
                                      detail::take_stored<S>(ctx, self().length() > 2 ? largest : 0, 1)};
    map_cview<B, S> x = p.x;
    walk(in, n, entries_per_scalar<S>, [&](index k, const auto& layer, const place& at) {
      detail::check_storage<std::decay_t<decltype(layer)>, Ctx, S>();
      const map_view<B, S> y = k + 1 == self().length() ? p.y
                               : train                  ? detail::stored_at<S>(p.tape, at.y, at.out, n)
                                                        : detail::map_at(buffer[k % 2], 0, at.out, n);
      layer.forward(ctx, at.in, n,
                    pass<B, S>{.params = stretch(p.params, at.params, at.count),
                               .x = x,
                               .y = y,
                               .tape = stretch(p.tape, at.tape, at.taped)});
      x = y;
    });
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    if (self().length() == 0 && p.dx.data) copy(ctx.be, p.dy, p.dx);
    scratch_scope scope(ctx);
    const index largest = largest_inner(in, n);
    const map_view<B, S> buffer[2] = {detail::take_stored<S>(ctx, largest, 1),
                                      detail::take_stored<S>(ctx, self().length() > 2 ? largest : 0, 1)};
    map_cview<B, S> dy = p.dy;
    for (index now = self().length() - 1; now >= 0; --now) {
      walk(in, n, entries_per_scalar<S>, [&](index k, const auto& layer, const place& at) {
        if (k != now) return;
        const map_view<B, S> dx = k == 0 ? p.dx : detail::map_at(buffer[(k + 1) % 2], 0, at.in, n);
        const bool last = k + 1 == self().length();
        layer.backward(ctx, at.in, n,
                       pass<B, S>{.params = stretch(p.params, at.params, at.count),
                                  .x = k == 0 ? p.x : as_const(detail::stored_at<S>(p.tape, at.x, at.in, n)),
                                  .y = last ? p.y : detail::stored_at<S>(p.tape, at.y, at.out, n),
                                  .tape = stretch(p.tape, at.tape, at.taped),
                                  .dy = dy,
                                  .dx = dx,
                                  .dparams = stretch(p.dparams, at.params, at.count)});
        dy = dx;
      });
    }
  }

 protected:
  sequence() = default;

 private:
  /// Where a layer finds what is its own: offsets into the parameters and the tape.
  struct place {
    image_shape in, out;
    index params = 0, count = 0;  // parameters
    index tape = 0, taped = 0;    // the layer's own tape
    index x = 0, y = 0, end = 0;  // its input, its output, and what follows
  };

  const Self& self() const { return static_cast<const Self&>(*this); }

  template <class F>
  void walk(image_shape in, index n, index entries, const F& f) const {
    place at;
    at.out = in;
    for (index k = 0; k < self().length(); ++k)
      self().visit(k, [&](const auto& layer) {
        at.in = at.out;
        at.out = layer.output(at.in);
        at.params += at.count;
        at.count = layer.parameter_count(at.in);
        at.tape = at.end;
        at.taped = detail::tape_of(layer, at.in, n, entries);
        at.x = at.y;
        at.y = at.tape + detail::padded(at.taped);
        at.end = at.y + detail::padded(detail::scalars_for(at.out.size() * n, entries));
        f(k, layer, at);
      });
  }

  /// Entries of the largest activation between two layers.
  index largest_inner(image_shape in, index n) const {
    index most = 0;
    walk(in, n, 1, [&](index k, const auto&, const place& at) {
      if (k > 0) most = std::max(most, at.in.size() * n);
    });
    return most;
  }

  template <class L>
  static std::string prefix(const L& layer, index k) {
    if constexpr (requires { layer.name; }) {
      return *layer.name ? std::string(layer.name) + "." : "";
    } else {
      return std::to_string(k) + ".";
    }
  }
};

}  // namespace ssl
