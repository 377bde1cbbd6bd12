#pragma once
// SPDX-License-Identifier: MIT

/// The networks of a method in a backend's memory, and how a step's columns go through them.
///
/// Views of several sizes (patch/multi_views.hpp) go through the encoder group after group: one network at
/// several input shapes, with one gradient. Projector and predictor then see all columns at once, and the
/// loss all views in their order. So the encoder's batch norm has statistics of each group, and moves its
/// running ones once a group, as in SwAV's and DINO's released code; the heads' have those of all views.
///
/// In chunks: columns may go through the networks some at a time, for the memory of one chunk. The first pass
/// keeps embeddings only, the loss sees all of them, and a second pass goes forward again and back, chunk by
/// chunk (gradient caching; Gao et al., arXiv 2101.06983). Gradients are those of the whole batch, whatever
/// the loss, where each column goes its own way; batch norm takes its statistics over a chunk, and running
/// ones move once a chunk. Time: one more forward of all chunks but one, about a third of a step.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/nn/network.hpp"
#include "ssl/optim/optimizer.hpp"
#include "ssl/train/branches.hpp"

namespace ssl {

/// Columns of a step whose images have one shape.
struct column_group {
  image_shape shape{};
  index columns = 0;
};

namespace detail {

template <class T>
struct follow {  // tau y + (1 - tau) x
  T tau{};
  SSL_FN T operator()(T y, T x) const { return tau * y + (T{1} - tau) * x; }
};

}  // namespace detail

/// The branches in a backend's memory: parameters, tapes, optimizer state, and the maps between the networks.
template <class Branches, class Opt, Backend B>
class bound_branches {
  template <class Arch>
  struct part {  // one network, its optimizer's state and its output
    network<Arch, B> net;
    decltype(std::declval<B&>().template allocate<typename B::scalar>(index{})) state, y, dy;

    part(B& be, Arch arch, image_shape in, index columns, index at_a_time, const Opt& optimizer)
        : net(be, std::move(arch), in, at_a_time),
          state(
              allocate<typename B::scalar>(be, optimizer.state(net.params().rows), "the optimizer's state")),
          y(allocate<typename B::scalar>(be, net.output_shape().size() * columns, "embeddings")),
          dy(allocate<typename B::scalar>(be, y.size(), "gradients of embeddings")) {
      fill(be, state.all(), typename B::scalar{0});
    }
    view<B> out(index columns) const { return y.as(net.output_shape().size(), columns); }
    view<B> dout(index columns) const { return dy.as(net.output_shape().size(), columns); }
  };
  template <class Arch>
  struct copy {  // a network that never goes back: parameters and output, no tape, no gradients
    network<Arch, B> net;
    decltype(std::declval<B&>().template allocate<typename B::scalar>(index{})) y;

    copy(B& be, const part<Arch>& from, index columns)
        : net(be, from.net.arch(), from.net.input_shape(), 0),
          y(allocate<typename B::scalar>(be, net.output_shape().size() * columns, "embeddings")) {}
    view<B> out(index columns) const { return y.as(net.output_shape().size(), columns); }
  };
  struct placed_group {  // its first column of embeddings, and of x
    image_shape shape;
    index columns, first, first_pixel;
  };
  template <class Arch, bool present>
  struct optional_part {
    using type = part<Arch>;
  };
  template <class Arch>
  struct optional_part<Arch, false> {
    struct type {};
  };

 public:
  using T = typename B::scalar;
  using encoder_type = typename Branches::encoder_type;
  using projector_type = typename Branches::projector_type;
  using predictor_type = typename Branches::predictor_type;

  /// Images of one shape. `chunk` columns at most go through the networks at a time; 0: all. Chunks are of
  /// nearly equal size.
  bound_branches(B& be, Branches b, const Opt& optimizer, image_shape in, index columns, rng_key key,
                 index chunk = 0)
      : bound_branches(be, std::move(b), optimizer, {{in, columns}}, key, chunk) {}

  /// Images of a shape for each group of columns. Several groups go through the networks whole.
  bound_branches(B& be, Branches b, const Opt& optimizer, std::vector<column_group> groups, rng_key key,
                 index chunk = 0)
      : be_(&be),
        groups_(placed(groups)),
        columns_(groups_.back().first + groups_.back().columns),
        chunks_(chunk > 0 ? (columns_ + chunk - 1) / chunk : 1),
        description_(std::move(b)),
        encoder_(be, description_.encoder, groups_[0].shape, columns_,
                 groups_.size() > 1 ? groups_[0].columns : largest_chunk(), optimizer),
        projector_(be, description_.projector, encoder_.net.output_shape(), columns_, largest_chunk(),
                   optimizer),
        predictor_(make_predictor(be, optimizer)) {
    if (groups_.size() > 1 && chunk > 0)
      throw option_error("ssl::branches: chunk is " + std::to_string(chunk) +
                         ", but views of several sizes go through the networks whole; expected 0");
    more_.reserve(groups_.size() - 1);
    for (std::size_t g = 1; g < groups_.size(); ++g) {
      more_.emplace_back(encoder_.net, groups_[g].shape, groups_[g].columns);
      if (more_.back().output_shape() != encoder_.net.output_shape())
        throw shape_error("ssl::branches: the encoder makes " + detail::text(encoder_.net.output_shape()) +
                          " of " + detail::text(groups_[0].shape) + ", but " +
                          detail::text(more_.back().output_shape()) + " of " +
                          detail::text(groups_[g].shape) + "; all views need one kind of embedding");
    }
    encoder_.net.initialise(key);
    projector_.net.initialise({key.seed + 1, key.epoch});
    if constexpr (Branches::has_predictor) predictor_.net.initialise({key.seed + 2, key.epoch});
    if (description_.targets == targets_of::delayed) {
      if (!description_.momentum)
        throw option_error("ssl::branches: a delayed network needs a momentum, a function of the step");
      const auto seen = static_cast<std::size_t>(description_.target_groups);
      if (description_.target_groups < 0 || seen > groups_.size())
        throw option_error("ssl::branches: the delayed network sees " +
                           std::to_string(description_.target_groups) + " groups of views, expected 0 to " +
                           std::to_string(groups_.size()));
      taught_ = seen == 0 ? groups_.size() : seen;
      delayed_encoder_.emplace(be, encoder_, columns_);
      delayed_projector_.emplace(be, projector_, columns_);
      fill(be, delayed_projector_->out(columns_), T{0});
      more_delayed_.reserve(taught_ - 1);
      for (std::size_t g = 1; g < taught_; ++g)
        more_delayed_.emplace_back(delayed_encoder_->net, groups_[g].shape, 0);
      ssl::copy(be, as_const(encoder_.net.params()), delayed_encoder_->net.params());
      ssl::copy(be, as_const(projector_.net.params()), delayed_projector_->net.params());
    }
    if constexpr (Branches::has_predictor) {
      if (description_.targets != targets_of::nothing &&
          predictor_.net.output_shape().size() != projector_.net.output_shape().size())
        throw shape_error("ssl::branches: the predictor gives " +
                          std::to_string(predictor_.net.output_shape().size()) +
                          " features, but its targets have " +
                          std::to_string(projector_.net.output_shape().size()) + "; both must be equal");
    }
  }
  bound_branches(const bound_branches&) = delete;
  bound_branches& operator=(const bound_branches&) = delete;

  /// Runs the views x (c, pixels * columns), group after group, which must stay until `backward`, through all
  /// networks.
  template <class Ctx>
  void forward(Ctx& ctx, cview<B> x) {
    x_ = x;
    for (index k = 0; k < chunks_; ++k) {
      const bool last = k + 1 == chunks_;  // its tape is not needed again before backward begins
      online(ctx, k, last ? pass_kind::keep : pass_kind::embed);
      if (!delayed_encoder_) continue;
      const auto h = delayed_encoder_->out(columns_), p = delayed_projector_->out(columns_);
      for (std::size_t g = 0; g < taught_; ++g)
        (g == 0 ? delayed_encoder_->net : more_delayed_[g - 1])
            .forward_only(ctx, images(g, k), share(h, g, k));
      const index end = taught_ < groups_.size() ? groups_[taught_].first : first(k + 1);
      delayed_projector_->net.forward_only(ctx, h.columns(first(k), end - first(k)),
                                           p.columns(first(k), end - first(k)));
    }
  }

  /// What the loss sees, (d, columns), and where its gradient goes.
  view<B> z() const { return last().out(columns_); }
  view<B> dz() const { return last().dout(columns_); }
  /// The columns without gradient, (d, columns), or empty. Zero where the delayed network does not look.
  cview<B> targets() const {
    if (delayed_projector_) return delayed_projector_->out(columns_);
    return description_.targets == targets_of::itself ? cview<B>(projector_.out(columns_)) : cview<B>{};
  }

  /// Gradients of all parameters from dz(). `=`.
  template <class Ctx>
  void backward(Ctx& ctx) {
    encoder_.net.zero_grads();
    projector_.net.zero_grads();
    if constexpr (Branches::has_predictor) predictor_.net.zero_grads();
    for (index k = chunks_ - 1; k >= 0; --k) {
      if (k + 1 < chunks_) online(ctx, k, pass_kind::repeat);
      const auto dh = chunk(encoder_.dout(columns_), k), dp = chunk(projector_.dout(columns_), k);
      if constexpr (Branches::has_predictor)
        predictor_.net.backward(ctx, chunk(predictor_.dout(columns_), k), dp);
      projector_.net.backward(ctx, dp, dh);
      for (std::size_t g = groups_.size(); g-- > 0;)
        encoder_at(g).backward(ctx, share(encoder_.dout(columns_), g, k));
    }
  }

  /// One step of the optimizer on every network, then the delayed copy follows. `step` counts from 0.
  template <class Ctx>
  void update(Ctx& ctx, const Opt& optimizer, index step, double rate) {
    const auto move = [&](auto& p, double r) {
      optimizer.step(ctx, p.net.table(), p.net.params(), p.net.grads(), p.state.all(), r);
    };
    move(encoder_, rate);
    move(projector_, rate);
    if constexpr (Branches::has_predictor) {
      const double own = description_.predictor_rate ? description_.predictor_rate(step, rate) : rate;
      if (own != 0) move(predictor_, own);
    }
    if (delayed_encoder_) {
      const double tau = description_.momentum(step);
      follow(ctx, tau, encoder_.net, delayed_encoder_->net);
      follow(ctx, tau, projector_.net, delayed_projector_->net);
    }
  }

  network<encoder_type, B>& encoder() { return encoder_.net; }
  network<projector_type, B>& projector() { return projector_.net; }
  auto& predictor() requires(Branches::has_predictor) { return predictor_.net; }
  /// How many runs of columns go through the networks one after another.
  index chunks() const { return chunks_; }
  /// The delayed copies; only with targets_of::delayed.
  network<encoder_type, B>& delayed_encoder() { return delayed_encoder_.value().net; }
  network<projector_type, B>& delayed_projector() { return delayed_projector_.value().net; }

 private:
  enum class pass_kind { embed, keep, repeat };  // nothing is kept; all for backward; all, a second time

  /// Chunk k has the columns [first(k), first(k + 1)).
  index first(index k) const { return columns_ * k / chunks_; }
  index largest_chunk() const { return (columns_ + chunks_ - 1) / chunks_; }
  template <class V>
  V chunk(V all, index k) const {
    return all.columns(first(k), first(k + 1) - first(k));
  }
  /// Group g's share of chunk k, of columns and of images. One of the two is one: chunks or groups.
  template <class V>
  V share(V all, std::size_t g, index k) const {
    const placed_group& s = groups_[g];
    const index begin = s.columns * k / chunks_, end = s.columns * (k + 1) / chunks_;
    return all.columns(s.first + begin, end - begin);
  }
  cview<B> images(std::size_t g, index k) const {
    const placed_group& s = groups_[g];
    const index begin = s.columns * k / chunks_, end = s.columns * (k + 1) / chunks_;
    return x_.columns(s.first_pixel + begin * s.shape.pixels(), (end - begin) * s.shape.pixels());
  }
  network<encoder_type, B>& encoder_at(std::size_t g) { return g == 0 ? encoder_.net : more_[g - 1]; }

  static std::vector<placed_group> placed(const std::vector<column_group>& groups) {
    std::vector<placed_group> out;
    index column = 0, pixel = 0;
    for (const column_group& g : groups) {
      out.push_back({g.shape, g.columns, column, pixel});
      column += g.columns;
      pixel += g.columns * g.shape.pixels();
    }
    if (out.empty()) throw shape_error("ssl::branches: there are no views");
    return out;
  }

  /// Chunk k through the networks that learn.
  template <class Ctx>
  void online(Ctx& ctx, index k, pass_kind how) {
    const auto run = [&](auto& net, cview<B> x, view<B> y) {
      if (how == pass_kind::embed)
        net.forward_only(ctx, x, y);
      else if (how == pass_kind::keep)
        net.forward(ctx, x, y);
      else
        net.forward_again(ctx, x, y);
    };
    const auto h = chunk(encoder_.out(columns_), k), p = chunk(projector_.out(columns_), k);
    for (std::size_t g = 0; g < groups_.size(); ++g)
      run(encoder_at(g), images(g, k), share(encoder_.out(columns_), g, k));
    run(projector_.net, h, p);
    if constexpr (Branches::has_predictor) run(predictor_.net, p, chunk(predictor_.out(columns_), k));
  }

  auto make_predictor(B& be, const Opt& optimizer) {
    if constexpr (Branches::has_predictor) {
      return part<predictor_type>(be, description_.predictor, projector_.net.output_shape(), columns_,
                                  largest_chunk(), optimizer);
    } else {
      return typename optional_part<predictor_type, false>::type{};
    }
  }
  const auto& last() const {
    if constexpr (Branches::has_predictor) {
      return predictor_;
    } else {
      return projector_;
    }
  }
  template <class Ctx, class Arch>
  static void follow(Ctx& ctx, double tau, const network<Arch, B>& online, network<Arch, B>& delayed) {
    detail::for_each_stretch(
        online.table(), [](role a, role b) { return (a == role::buffer) == (b == role::buffer); },
        [&](index first, index count, role) {
          const auto y = slice(delayed.params(), first, count);
          map(ctx.be, y, detail::follow<T>{static_cast<T>(tau)}, y, slice(online.params(), first, count));
        });
  }

  B* be_;
  std::vector<placed_group> groups_;
  index columns_, chunks_;
  cview<B> x_{};
  Branches description_;
  part<encoder_type> encoder_;
  part<projector_type> projector_;
  typename optional_part<predictor_type, Branches::has_predictor>::type predictor_;
  std::optional<copy<encoder_type>> delayed_encoder_;
  std::optional<copy<projector_type>> delayed_projector_;
  std::vector<network<encoder_type, B>> more_, more_delayed_;  // the encoders at the further groups' shapes
  std::size_t taught_ = 0;                                     // groups that the delayed network sees
};

}  // namespace ssl
