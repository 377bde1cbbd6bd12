// Losses that compare with a network that gets no gradient: --targets, or the views themselves held constant.

#include "ssl/loss/byol.hpp"
#include "ssl/loss/moco.hpp"
#include "ssl/loss/simsiam.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

namespace {

/// u (D, K) = the columns of x at length one.
template <class Ctx, class B = typename Ctx::backend>
void scale_to_unit(Ctx& ctx, ssl::cview<B> x, ssl::view<B> u) {
  ssl::scratch_scope scope(ctx);
  ssl::unit_length{}.forward(ctx, ssl::view_batch<B>{.z = x}, u);
}

/// MoCo with --queue as its queue.
constexpr auto against_a_queue = []<class T>(const settings& s, const loss_call<T>& call) {
  auto ctx = call.ctx;
  auto batch = call.batch;
  const ssl::scratch_scope scope(ctx);
  const ssl::moco loss{.temperature = s["temperature"], .queue = call.queue.cols};
  const auto state = ctx.take(ssl::state_size(loss, batch.shape()), 1);
  ssl::start_state(ctx, loss, batch.shape(), {}, state);
  scale_to_unit(ctx, call.queue, {state.data, batch.features(), call.queue.cols, batch.features()});
  batch.state = state;
  return ssl::evaluate(ctx, loss, batch, call.dz, batch.side);
};

}  // namespace

std::vector<loss_entry> target_losses() {
  using namespace ssl;
  return {
      library_loss({.name = "byol",
                    .formula = "mean over ordered pairs of views of 2 - 2 cos(view, other target)",
                    .source = "arXiv 2006.07733, google-deepmind/deepmind-research",
                    .least_views = 2,
                    .inputs = {.targets = wants::maybe}},
                   [](const settings&) { return byol{}; }),
      library_loss({.name = "simsiam",
                    .formula = "mean over ordered pairs of views of -cos(view, other target)",
                    .source = "arXiv 2011.10566, facebookresearch/simsiam",
                    .least_views = 2,
                    .inputs = {.targets = wants::maybe}},
                   [](const settings&) { return simsiam{}; }),
      entry_of({.name = "moco",
                .formula = "cross entropy of view 0 to the target of view 1 among the queue's rows, cosines "
                           "/ temperature",
                .source = "arXiv 1911.05722, facebookresearch/moco",
                .least_views = 2,
                .inputs = {.targets = wants::maybe, .queue = wants::must},
                .parameters = {{"temperature", 0.2, 0, true}}},
               against_a_queue),
  };
}

}  // namespace ssl_example
