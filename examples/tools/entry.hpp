#pragma once
/// One loss that ssl_loss knows: its name, formula, parameters and source, what it is given beside the views,
/// and how it is evaluated.

#include <functional>
#include <string>
#include <vector>

#include "ssl/loss/state.hpp"
#include "support/eigen_products.hpp"
#include "tools/settings.hpp"

namespace ssl_example {

/// What a loss does with an input beside the views: refuses it, takes it without using it (so that a family
/// shares one command line), uses it where it is given, or needs it.
enum class wants { nothing, ignored, maybe, must };

struct extra_inputs {
  wants targets = wants::nothing;     // (V, N, D): the views through a network that gets no gradient
  wants directions = wants::nothing;  // (N, D)
  wants queue = wants::nothing;       // (K, D)
  wants prototypes = wants::nothing;  // (K, D)
};

/// One evaluation in the scalar T. `batch` holds z, targets and directions; what was not given is empty.
template <class T>
struct loss_call {
  using backend = ssl::eigen_backend<T>;
  ssl::context<backend>& ctx;
  ssl::view_batch<backend> batch;    // z (D, V N)
  ssl::view<backend> dz;             // (D, V N)
  ssl::cview<backend> queue{};       // (D, K)
  ssl::cview<backend> prototypes{};  // (D, K)
};

struct loss_entry {
  std::string name, formula, source;
  ssl::index least_views = 1;
  extra_inputs inputs;
  std::vector<parameter> parameters;
  std::function<ssl::loss_report(const settings&, const loss_call<float>&)> in_float;
  std::function<ssl::loss_report(const settings&, const loss_call<double>&)> in_double;

  template <class T>
  ssl::loss_report evaluate(const settings& s, const loss_call<T>& call) const {
    if constexpr (std::is_same_v<T, float>) {
      return in_float(s, call);
    } else {
      return in_double(s, call);
    }
  }
};

/// What is said about a loss before the way it is evaluated.
struct loss_text {
  std::string name, formula, source;
  ssl::index least_views = 1;
  extra_inputs inputs{};
  std::vector<parameter> parameters{};
};

/// An entry whose `body(settings, loss_call<T>)` evaluates it in either scalar.
template <class Body>
loss_entry entry_of(loss_text text, Body body) {
  return {std::move(text.name),
          std::move(text.formula),
          std::move(text.source),
          text.least_views,
          text.inputs,
          std::move(text.parameters),
          body,
          body};
}

/// The loss at a state: what it remembers before the first step.
template <class T, ssl::LossTerm L>
ssl::loss_report evaluate_fresh(const L& loss, const loss_call<T>& call) {
  auto ctx = call.ctx;
  auto batch = call.batch;
  const ssl::scratch_scope scope(ctx);
  const auto state = ctx.take(ssl::state_size(loss, batch.shape()), 1);
  ssl::start_state(ctx, loss, batch.shape(), batch.key, state);
  batch.state = state;
  return ssl::evaluate(ctx, loss, batch, call.dz, batch.side);
}

/// An entry for a loss of the library: `make(settings)` gives it as an expression.
template <class Make>
loss_entry library_loss(loss_text text, Make make) {
  return entry_of(std::move(text), [make]<class T>(const settings& s, const loss_call<T>& call) {
    return evaluate_fresh(make(s), call);
  });
}

}  // namespace ssl_example
