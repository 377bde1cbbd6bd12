#pragma once
// SPDX-License-Identifier: MIT

/// Layers one after another, whatever holds them: y = f_L(... f_2(f_1(x))). Base of `chain` and `stack`.
///
/// Training keeps on the tape those inner maps that a backward reads (the layers say what they read) and that
/// cannot be remade from what is kept. The others pass through two buffers of scratch, as all do where
/// nothing is kept; a layer that runs in place writes over its input there. Backward remakes the map that a
/// layer reads for as long as that layer runs, and passes gradients through p.dx and the part of the tape
/// that it has used up already; scratch is taken where those are too small.

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
    index size = 0;
    walk(in, n, entries, [&](index, const auto&, const place& at) { size = at.end; });
    return size;
  }

  backward_reads reads() const {
    if (self().length() == 0) return {.x = false, .y = false};
    return {.x = reads_of(0).x, .y = reads_of(self().length() - 1).y};
  }
  bool takes_gate() const {
    bool takes = false;
    if (self().length() > 0)
      self().visit(self().length() - 1, [&](const auto& last) { takes = detail::takes_gate(last); });
    return takes;
  }
  /// As the last layer does, from its x on the tape.
  bool remakes(bool with_x) const {
    bool can = false, x_stays = true;
    for (index k = 0; k < self().length(); ++k) {
      if (k + 1 == self().length()) can = remakes_of(k, k == 0 ? with_x : x_stays);
      x_stays = keeps(k, x_stays);
    }
    return can;
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    if (self().length() == 0) copy(ctx.be, p.x, p.y);
    scratch_scope scope(ctx);
    const bool keep = ctx.phase == mode::train && p.tape.data;
    map_view<B, S> buffer[2];
    int holds_x = -1;  // the buffer that x lies in
    map_cview<B, S> x = p.x;
    walk(in, n, entries_per_scalar<S>, [&](index k, const auto& layer, const place& at) {
      detail::check_storage<std::decay_t<decltype(layer)>, Ctx, S>();
      const bool last = k + 1 == self().length(), kept = keep && at.kept;
      const bool next_on_top = !last && !kept && runs_on_top(k + 1, at.out);
      int holds_y = -1;
      map_view<B, S> y;
      if (last || (next_on_top && k + 2 == self().length())) {
        y = p.y;
      } else if (kept) {
        y = detail::stored_at<S>(p.tape, at.y, at.out, n);
      } else if (next_on_top && keep && keeps(k + 1, false)) {
        y = detail::stored_at<S>(p.tape, next_y(k, n, entries_per_scalar<S>, at), at.out, n);
      } else {
        holds_y = holds_x >= 0 && runs_on_top(k, at.in) ? holds_x : 1 - std::max(holds_x, 0);
        if (buffer[holds_y].size() < at.out.size() * n)
          buffer[holds_y] = detail::take_stored<S>(ctx, at.out.size() * n, 1);
        y = detail::map_at(buffer[holds_y], 0, at.out, n);
      }
      layer.forward(ctx, at.in, n,
                    pass<B, S>{.params = slice(p.params, at.params, at.count),
                               .x = x,
                               .y = y,
                               .tape = keep ? slice(p.tape, at.tape, at.taped) : view<B>{},
                               .replay = p.replay});
      x = y;
      holds_x = holds_y;
    });
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    if (self().length() == 0 && p.dx.data) copy(ctx.be, p.dy, p.dx);
    scratch_scope scope(ctx);
    index used_up = tape(in, n, entries_per_scalar<S>);  // nothing lies on the tape between a layer and here
    map_view<B, S> buffer[2] = {p.dx, {}};  // of the gradients that layers of even and of odd number make
    map_view<B, S> remade[2];               // inputs of such layers, where the layer before reads them too
    map_cview<B, S> dy = p.dy;
    for (index now = self().length() - 1; now >= 0; --now) {
      walk(in, n, entries_per_scalar<S>, [&](index k, const auto& layer, const place& at) {
        if (k != now) return;
        const bool last = k + 1 == self().length(), y_read = reads_of(k).y;
        const index first = y_read ? at.end : at.y, size = at.in.size() * n;
        view<B> free = slice(p.tape, first, used_up - first);
        const auto enough = [&](map_view<B, S>& of) {
          if (of.size() < size) of = take<S>(ctx, free, p.spare, size);
          return of;
        };
        const map_view<B, S> dx = k == 0 ? p.dx : detail::map_at(enough(buffer[k % 2]), 0, at.in, n);
        const bool read_twice = at.x_remade && reads_of(k - 1).y;
        if (read_twice) enough(remade[k % 2]);
        used_up = first + free.rows;

        scratch_scope of_layer(ctx);
        view<B> spare = p.spare;
        map_cview<B, S> x;
        if (k == 0) x = p.x;
        if (at.x_kept) x = detail::stored_at<S>(p.tape, at.x, at.in, n);
        if (at.x_remade) {
          const map_view<B, S> room = read_twice ? remade[k % 2] : take<S>(ctx, free, spare, size);
          const map_view<B, S> into = detail::map_at(room, 0, at.in, n);
          remake_y(ctx, in, n, p, k - 1, into);
          x = into;
        }
        map_view<B, S> y;
        if (last)
          y = p.y;
        else if (y_read)
          y = at.kept ? detail::stored_at<S>(p.tape, at.y, at.out, n)
                      : detail::map_at(remade[(k + 1) % 2], 0, at.out, n);
        layer.backward(ctx, at.in, n,
                       pass<B, S>{.params = slice(p.params, at.params, at.count),
                                  .x = x,
                                  .y = y,
                                  .tape = slice(p.tape, at.tape, at.taped),
                                  .dy = dy,
                                  .dx = dx,
                                  .dparams = slice(p.dparams, at.params, at.count),
                                  .gate = last ? p.gate : map_cview<B, S>{},
                                  .spare = free.rows >= spare.rows ? free : spare});
        dy = dx;
      });
    }
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    remake_y(ctx, in, n, p, self().length() - 1, p.y);
  }

 protected:
  sequence() = default;

 private:
  /// Where a layer finds what is its own: offsets into the parameters and the tape.
  struct place {
    image_shape in, out;
    index params = 0, count = 0;  // parameters
    index tape = 0, taped = 0;    // the layer's own tape
    index x = 0, y = 0, end = 0;  // its input and its output, if they are kept, and what follows
    bool x_kept = false, x_remade = false, kept = false;
  };

  const Self& self() const { return static_cast<const Self&>(*this); }

  backward_reads reads_of(index k) const {
    backward_reads out;
    self().visit(k, [&](const auto& layer) { out = detail::reads_of(layer); });
    return out;
  }
  bool remakes_of(index k, bool with_x) const {
    bool can = false;
    self().visit(k, [&](const auto& layer) { can = detail::remakes(layer, with_x); });
    return can;
  }
  /// Whether layer k may write its y over an x of this shape.
  bool runs_on_top(index k, image_shape in) const {
    bool can = false;
    self().visit(k, [&](const auto& layer) { can = detail::runs_in_place(layer) && layer.output(in) == in; });
    return can;
  }

  /// Whether somebody's backward reads the map between layers k and k + 1.
  bool is_read(index k) const { return k + 1 < self().length() && (reads_of(k).y || reads_of(k + 1).x); }
  /// Whether that map lies on the tape; `x_stays` says whether layer k's x is at hand in the backward pass.
  bool keeps(index k, bool x_stays) const { return is_read(k) && !remakes_of(k, x_stays); }

  template <class F>
  void walk(image_shape in, index n, index entries, const F& f) const {
    place at;
    at.out = in;
    bool x_stays = true;
    for (index k = 0; k < self().length(); ++k)
      self().visit(k, [&](const auto& layer) {
        at.in = at.out;
        at.out = layer.output(at.in);
        at.params += at.count;
        at.count = layer.parameter_count(at.in);
        at.tape = at.end;
        at.taped = detail::tape_of(layer, at.in, n, entries);
        at.x = at.y;
        at.x_kept = k > 0 && at.kept;
        at.x_remade = k > 0 && !at.kept && is_read(k - 1);
        at.y = at.tape + detail::padded(at.taped);
        x_stays = at.kept = keeps(k, x_stays);
        at.end = at.y + (at.kept ? detail::padded(detail::scalars_for(at.out.size() * n, entries)) : 0);
        f(k, layer, at);
      });
  }

  /// Where the output of the layer after `at`, the k-th, lies on the tape.
  index next_y(index k, index n, index entries, const place& at) const {
    index taped = 0;
    self().visit(k + 1, [&](const auto& next) { taped = detail::tape_of(next, at.out, n, entries); });
    return at.end + detail::padded(taped);
  }

  /// y = the output of layer `number`, whose x is p.x or on the tape.
  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake_y(Ctx& ctx, image_shape in, index n, pass<B, S> p, index number, map_view<B, S> y) const {
    walk(in, n, entries_per_scalar<S>, [&](index k, const auto& layer, const place& at) {
      if (k != number) return;
      map_cview<B, S> x;
      if (k == 0) x = p.x;
      if (at.x_kept) x = detail::stored_at<S>(p.tape, at.x, at.in, n);
      detail::remake(layer, ctx, at.in, n,
                     pass<B, S>{.params = slice(p.params, at.params, at.count),
                                .x = x,
                                .y = y,
                                .tape = slice(p.tape, at.tape, at.taped)});
    });
  }
  /// Entries of S from the first of two blocks that has the room, or from the context's scratch.
  template <class S, class Ctx, class B = typename Ctx::backend>
  static map_view<B, S> take(Ctx& ctx, view<B>& first, view<B>& second, index entries) {
    const index count = detail::padded(detail::scalars_for(entries, entries_per_scalar<S>));
    return detail::take_from<S>(first.rows >= count ? first : second, ctx, entries, 1);
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
