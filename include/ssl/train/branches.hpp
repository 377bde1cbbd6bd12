#pragma once
/// The networks of a joint-embedding method, and how its views go through them.
///
///     h = encoder(x)              the representation that is kept
///     p = projector(h)            the embedding
///     z = predictor(p), or p      what the loss sees
///     t = p held constant, or the projector and encoder of a delayed copy on the same x, or nothing
///
/// The delayed copy starts equal to the online networks and follows them after every step,
///
///     theta' = tau theta' + (1 - tau) theta,
///
/// over the trained parameters: running statistics are its own. BYOL (arXiv 2006.07733), MoCo (1911.05722),
/// SimSiam (2011.10566). Batch normalisation takes its statistics over all views of a step together.
///
/// In chunks: columns may go through the networks some at a time, for the memory of one chunk. The first pass
/// keeps embeddings only, the loss sees all of them, and a second pass goes forward again and back, chunk by
/// chunk (gradient caching; Gao et al., arXiv 2101.06983). Gradients are those of the whole batch, whatever
/// the loss, where each column goes its own way; batch norm takes its statistics over a chunk, and running
/// ones move once a chunk. Time: one more forward of all chunks but one, about a third of a step.

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/nn/network.hpp"
#include "ssl/optim/optimizer.hpp"
#include "ssl/optim/schedule.hpp"

namespace ssl {

/// Where the columns without gradient come from.
enum class targets_of {
  nothing,  // the loss compares the views with each other
  itself,   // the projector's output, held constant (SimSiam)
  delayed,  // a delayed copy of encoder and projector (BYOL, MoCo, DINO, MSBReg)
};

/// A method without predictor.
struct no_predictor {};

/// The networks as a description; a trainer binds it to a backend.
template <class Encoder, class Projector, class Predictor = no_predictor>
struct branches {
  Encoder encoder;
  Projector projector;
  Predictor predictor{};
  targets_of targets = targets_of::nothing;
  std::function<double(index step)> momentum{};  // tau of the step; only for targets_of::delayed
  /// Rate of the predictor's parameters from the step and the others' rate; none: the same. A rate of 0
  /// leaves them as they are.
  std::function<double(index step, double rate)> predictor_rate{};

  using encoder_type = Encoder;
  using projector_type = Projector;
  using predictor_type = Predictor;

  static constexpr bool has_predictor = !std::same_as<Predictor, no_predictor>;
};

/// Views compared with each other: VICReg, Barlow Twins, SimCLR.
template <class Encoder, class Projector>
branches<Encoder, Projector> joint_embedding(Encoder encoder, Projector projector) {
  return {std::move(encoder), std::move(projector)};
}

/// Predictions compared with the same networks' embeddings held constant: SimSiam.
template <class Encoder, class Projector, class Predictor>
branches<Encoder, Projector, Predictor> stop_gradient(Encoder encoder, Projector projector,
                                                      Predictor predictor) {
  return {std::move(encoder), std::move(projector), std::move(predictor), targets_of::itself};
}

/// Predictions compared with a delayed network: BYOL, MSBReg.
template <class Encoder, class Projector, class Predictor>
branches<Encoder, Projector, Predictor> delayed_targets(Encoder encoder, Projector projector,
                                                        Predictor predictor,
                                                        std::function<double(index)> momentum) {
  return {std::move(encoder), std::move(projector), std::move(predictor), targets_of::delayed,
          std::move(momentum)};
}

/// Embeddings compared with a delayed network's: MoCo, DINO, TiCo.
template <class Encoder, class Projector>
branches<Encoder, Projector> delayed_targets(Encoder encoder, Projector projector,
                                             std::function<double(index)> momentum) {
  return {std::move(encoder), std::move(projector), {}, targets_of::delayed, std::move(momentum)};
}

/// Learning of the predictor (or of prototypes) begins after `steps` steps: SwAV freezes its prototypes.
inline std::function<double(index, double)> frozen_for(index steps) {
  return [steps](index step, double rate) { return step < steps ? 0.0 : rate; };
}

/// tau_s = 1 - (1 - tau_0) (1 + cos(pi s / S)) / 2: from tau_0 to 1. BYOL, DINO.
inline cosine cosine_momentum(double tau, index steps) { return {tau, 1.0, steps}; }

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

  /// `chunk` columns at most go through the networks at a time; 0: all. Chunks are of nearly equal size.
  bound_branches(B& be, Branches b, const Opt& optimizer, image_shape in, index columns, rng_key key,
                 index chunk = 0)
      : be_(&be),
        columns_(columns),
        chunks_(chunk > 0 ? (columns + chunk - 1) / chunk : 1),
        description_(std::move(b)),
        encoder_(be, description_.encoder, in, columns, largest_chunk(), optimizer),
        projector_(be, description_.projector, encoder_.net.output_shape(), columns, largest_chunk(),
                   optimizer),
        predictor_(make_predictor(be, optimizer)) {
    encoder_.net.initialise(key);
    projector_.net.initialise({key.seed + 1, key.epoch});
    if constexpr (Branches::has_predictor) predictor_.net.initialise({key.seed + 2, key.epoch});
    if (description_.targets == targets_of::delayed) {
      if (!description_.momentum)
        throw option_error("ssl::branches: a delayed network needs a momentum, a function of the step");
      delayed_encoder_.emplace(be, encoder_, columns);
      delayed_projector_.emplace(be, projector_, columns);
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

  /// Runs the views x (c, pixels * columns), which must stay until `backward`, through all networks.
  template <class Ctx>
  void forward(Ctx& ctx, cview<B> x) {
    x_ = x;
    for (index k = 0; k < chunks_; ++k) {
      const bool last = k + 1 == chunks_;  // its tape is not needed again before backward begins
      online(ctx, k, last ? pass_kind::keep : pass_kind::embed);
      if (!delayed_encoder_) continue;
      const auto h = chunk(delayed_encoder_->out(columns_), k);
      delayed_encoder_->net.forward_only(ctx, images(k), h);
      delayed_projector_->net.forward_only(ctx, h, chunk(delayed_projector_->out(columns_), k));
    }
  }

  /// What the loss sees, (d, columns), and where its gradient goes.
  view<B> z() const { return last().out(columns_); }
  view<B> dz() const { return last().dout(columns_); }
  /// The columns without gradient, (d, columns), or empty.
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
      encoder_.net.backward(ctx, dh);
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
  cview<B> images(index k) const {
    const index pixels = x_.cols / columns_;
    return x_.columns(first(k) * pixels, (first(k + 1) - first(k)) * pixels);
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
    run(encoder_.net, images(k), h);
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
          const auto y = stretch(delayed.params(), first, count);
          map(ctx.be, y, detail::follow<T>{static_cast<T>(tau)}, y, stretch(online.params(), first, count));
        });
  }

  B* be_;
  index columns_, chunks_;
  cview<B> x_{};
  Branches description_;
  part<encoder_type> encoder_;
  part<projector_type> projector_;
  typename optional_part<predictor_type, Branches::has_predictor>::type predictor_;
  std::optional<copy<encoder_type>> delayed_encoder_;
  std::optional<copy<projector_type>> delayed_projector_;
};

}  // namespace ssl
