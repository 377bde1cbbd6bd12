// Losses that compare with a network that gets no gradient: --targets, or the views themselves held constant.

#include "ssl/loss/byol.hpp"
#include "ssl/loss/dino.hpp"
#include "ssl/loss/moco.hpp"
#include "ssl/loss/simsiam.hpp"
#include "ssl/loss/swav.hpp"
#include "ssl/loss/tico.hpp"
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

/// SwAV on the cosines of z to the rows of --prototypes; the gradient goes back to z. The rows of --queue are
/// assigned along with every view.
constexpr auto on_prototypes = []<class T>(const settings& s, const loss_call<T>& call) {
  using ssl::index, ssl::trans;
  auto ctx = call.ctx;
  const auto& z = call.batch;
  const index d = z.features(), count = call.prototypes.cols, columns = z.z.cols, queued = call.queue.cols;
  const ssl::swav loss{.temperature = s["temperature"],
                       .assignment = {s["eps"], static_cast<int>(s["iterations"])},
                       .assigning = static_cast<index>(s["assigning"])};
  const index assigning = ssl::detail::assigning_views(loss.assigning, z.views);

  const ssl::scratch_scope scope(ctx);
  const auto u = ctx.take(d, columns), du = ctx.take(d, columns), c = ctx.take(d, count);
  const auto scores = ctx.take(count, columns), dscores = ctx.take(count, columns);
  const auto bank = ctx.take(count, assigning * queued);
  const ssl::unit_length change;
  const auto tape = change.forward(ctx, z, u);
  scale_to_unit(ctx, call.prototypes, c);
  gemm(ctx.be, trans::yes, trans::no, T{1}, as_const(c), as_const(u), T{0}, scores);
  if (queued > 0) {
    const auto q = ctx.take(d, queued);
    scale_to_unit(ctx, call.queue, q);
    for (index a = 0; a < assigning; ++a)
      gemm(ctx.be, trans::yes, trans::no, T{1}, as_const(c), as_const(q), T{0},
           bank.columns(a * queued, queued));
  }
  ssl::view_batch<typename loss_call<T>::backend> batch{.z = scores, .views = z.views};
  if (queued > 0) batch.bank = bank;
  const auto report = ssl::evaluate(ctx, loss, batch, dscores, z.side);
  gemm(ctx.be, trans::no, trans::no, T{1}, as_const(c), as_const(dscores), T{0}, du);
  fill(ctx.be, call.dz, T{0});
  change.backward(ctx, tape, z, as_const(u), du, call.dz);
  return report;
};

/// DINO from zero: view 0 is the student's and the target of view 1 the teacher's, or every view both.
constexpr auto student_and_teacher = []<class T>(const settings& s, const loss_call<T>& call) {
  auto ctx = call.ctx;
  ssl::dino loss{.temperature = s["temperature"],
                 .teacher_temperature = s["teacher_temperature"],
                 .teaching = s["both"] != 0 ? 0 : 1};
  if (loss.teaching == 0) return evaluate_fresh(loss, call);

  // Of two views only the first teaches.
  const auto& z = call.batch;
  const ssl::index n = z.samples();
  const ssl::scratch_scope scope(ctx);
  const auto turned = [&](ssl::cview<typename loss_call<T>::backend> x) {
    const auto t = ctx.take(x.rows, 2 * n);
    copy(ctx.be, x.columns(n, n), t.columns(0, n));
    copy(ctx.be, x.columns(0, n), t.columns(n, n));
    return t;
  };
  loss_call<T> pair{
      .ctx = call.ctx,
      .batch = {.z = turned(z.z), .views = 2, .targets = turned(z.references()), .side = z.side},
      .dz = ctx.take(z.features(), 2 * n)};
  const auto report = evaluate_fresh(loss, pair);
  fill(ctx.be, call.dz, T{0});
  copy(ctx.be, as_const(pair.dz).columns(n, n), call.dz.columns(0, n));
  return report;
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
      entry_of(
          {.name = "swav",
           .formula = "mean over the assigning views of the cross entropy of the other views' "
                      "softmax(scores / temperature) to Sinkhorn's codes, scores = cosines to prototypes",
           .source = "arXiv 2006.09882, facebookresearch/swav",
           .least_views = 2,
           .inputs = {.queue = wants::maybe, .prototypes = wants::must},
           .parameters = {{"temperature", 0.1, 0, true},
                          {"eps", 0.05, 0, true},
                          {"iterations", 3, 1, false, true, 1000},
                          {"assigning", 2, 0, false, true}}},
          on_prototypes),
      entry_of({.name = "dino",
                .formula = "cross entropy of softmax(view 0 / temperature) to softmax(target of view 1 / "
                           "teacher_temperature); both = 1: mean over ordered pairs of views",
                .source = "arXiv 2104.14294, facebookresearch/dino",
                .least_views = 2,
                .inputs = {.targets = wants::maybe},
                .parameters = {{"temperature", 0.1, 0, true},
                               {"teacher_temperature", 0.04, 0, true},
                               flag("both", false)}},
               student_and_teacher),
      library_loss({.name = "tico",
                    .formula = "1 - mean cos(view 0, target of view 1) + rho <B, C>, C = (1 - momentum) B at "
                               "the first step; both = 1: mean over ordered pairs of views",
                    .source = "arXiv 2206.10698, lightly since its pull request 1484",
                    .least_views = 2,
                    .inputs = {.targets = wants::maybe},
                    .parameters = {{"momentum", 0.9, 0, false, false, 1},
                                   {"rho", 8, 0},
                                   flag("attached", false),
                                   flag("both", false)}},
                   [](const settings& s) {
                     return tico{.momentum = s["momentum"],
                                 .rho = s["rho"],
                                 .attached = s["attached"] != 0,
                                 .both = s["both"] != 0};
                   }),
  };
}

}  // namespace ssl_example
