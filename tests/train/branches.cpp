#include "ssl/train/branches.hpp"

#include <cmath>

#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/train/trainer.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using ssl::operator+;  // sums of terms outside the namespace

/// Mean squared distance of z to its references, without gradient there; counts its steps.
struct distance_to_targets {
  using kind = ssl::loss_kind;
  static constexpr std::string_view name = "distance";
  static constexpr bool uses_targets = true;

  constexpr ssl::index state_size(ssl::batch_shape) const { return 1; }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, ssl::view_batch<B> z, ssl::accumulator_view<B> value,
           ssl::view<B> dz) const {
    const double scale = 1 / static_cast<double>(z.z.size());
    ssl::map_reduce(ctx.be, value, ssl::fn::plus{}, square{scale}, z.z, z.references());
    ssl::map(ctx.be, dz, slope<typename B::scalar>{2 * weight * scale}, dz, z.z, z.references());
  }
  template <class Ctx, class B = typename Ctx::backend>
  void update(Ctx& ctx, ssl::view_batch<B>, ssl::view<B> state) const {
    ssl::map(ctx.be, state, add_one<typename B::scalar>{}, state);
  }

  struct square {
    double scale;
    template <class T>
    SSL_FN double operator()(T a, T b) const {
      return scale * static_cast<double>(a - b) * static_cast<double>(a - b);
    }
  };
  template <class T>
  struct slope {
    double scale;
    SSL_FN T operator()(T y, T a, T b) const { return y + static_cast<T>(scale) * (a - b); }
  };
  template <class T>
  struct add_one {
    SSL_FN T operator()(T x) const { return x + T{1}; }
  };
};

/// The first word of the step's stream, as a value.
struct draws {
  using kind = ssl::loss_kind;
  static constexpr std::string_view name = "draws";
  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double, ssl::view_batch<B> z, ssl::accumulator_view<B> value, ssl::view<B>) const {
    ssl::random_stream stream(z.key, 0, 0, ssl::purpose::direction);
    ssl::map(ctx.be, value, ssl::fn::constant<double>{stream.uniform()});
  }
};

const ssl::memory_dataset& images() {
  static const auto data = ssl::make_synthetic({.size = 16}, 1, 24);
  return data;
}

template <class B, class Branches, class L = distance_to_targets>
auto make_trainer(B& be, Branches networks, L loss = {}, double rate = 0.05) {
  return ssl::trainer(be, networks, loss, ssl::sgd{.momentum = 0}, ssl::constant{rate},
                      ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {2}, .image = 16},
                                       ssl::normalize{}, {3, 8, 8}),
                      images().shape(), ssl::run_options{.batch = 8, .epochs = 1, .log_every = 1});
}

const auto encoder = ssl::patch_encoder({.widths = {4, 6}});
const auto head = ssl::projector({8, 5});
double momentum_of(ssl::index) { return 0.75; }

template <class B>
std::vector<double> read(B& be, ssl::cview<B> column) {
  std::vector<typename B::scalar> host(static_cast<std::size_t>(column.size()));
  be.download(column, ssl::make_view(host.data(), column.rows, column.cols));
  be.wait();
  return {host.begin(), host.end()};
}

template <class Trainer>
void step(Trainer& t, double rate) {
  const std::vector<ssl::index> ids{0, 1, 2, 3, 4, 5, 6, 7};
  t.step({3, 0}, ids, images().all_pixels().first(static_cast<std::size_t>(8 * images().shape().size())),
         rate);
}

}  // namespace

TEST_CASE_TEMPLATE(
    "train/branches: the delayed copy starts equal and follows by the momentum, statistics apart", B,
    SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  auto t = make_trainer(be, ssl::delayed_targets(encoder, head, head, momentum_of));
  auto& online = t.networks().encoder();
  auto& delayed = t.networks().delayed_encoder();
  const auto start = read<B>(be, online.params());
  CHECK(read<B>(be, delayed.params()) == start);
  CHECK(read<B>(be, t.networks().delayed_projector().params()) == read<B>(be, t.projector().params()));

  auto expected = start;
  for (int k = 0; k < 3; ++k) {
    const auto before = read<B>(be, delayed.params());
    step(t, 0.1);
    const auto now = read<B>(be, delayed.params()), leader = read<B>(be, online.params());
    for (const ssl::segment& s : online.table())
      for (auto i = static_cast<std::size_t>(s.offset); i < static_cast<std::size_t>(s.offset + s.size());
           ++i) {
        if (s.kind == ssl::role::buffer) continue;
        CHECK(now[i] == doctest::Approx(0.75 * before[i] + 0.25 * leader[i])
                            .epsilon(std::is_same_v<T, float> ? 1e-6 : 1e-14));
      }
  }
  // Same patches, same weights at first, own statistics: both saw the first batch alike.
  CHECK(read<B>(be, delayed.params()) != read<B>(be, online.params()));
}

TEST_CASE_TEMPLATE("train/branches: a momentum of one freezes the copy", B, SSL_BACKENDS) {
  B be;
  auto t = make_trainer(be, ssl::delayed_targets(encoder, head, [](ssl::index) { return 1.0; }));
  const auto start = read<B>(be, t.networks().delayed_projector().params());
  step(t, 0.1);
  step(t, 0.1);
  const auto now = read<B>(be, t.networks().delayed_projector().params());
  for (const ssl::segment& s : t.projector().table())
    if (s.kind != ssl::role::buffer)
      for (auto i = static_cast<std::size_t>(s.offset); i < static_cast<std::size_t>(s.offset + s.size());
           ++i)
        CHECK(now[i] == start[i]);
}

TEST_CASE_TEMPLATE(
    "train/branches: targets are the delayed copy's embeddings, the projector's own, or nothing", B,
    SSL_BACKENDS) {
  B be;
  auto still = make_trainer(be, ssl::joint_embedding(encoder, head));
  step(still, 0);
  CHECK(still.networks().targets().data == nullptr);

  auto same = make_trainer(be, ssl::stop_gradient(encoder, head, head));
  step(same, 0);
  CHECK(read<B>(be, same.networks().targets()) == read<B>(be, still.projections()));
  CHECK(read<B>(be, same.projections()) != read<B>(be, still.projections()));  // went through the predictor

  auto delayed = make_trainer(be, ssl::delayed_targets(encoder, head, head, momentum_of));
  step(delayed, 0);
  CHECK(read<B>(be, delayed.networks().targets()) == read<B>(be, still.projections()));  // equal at first
}

TEST_CASE_TEMPLATE(
    "train/branches: the gradient goes through predictor, projector and encoder, not to the targets", B,
    SSL_DOUBLE_BACKENDS) {
  B be;
  auto t = make_trainer(be, ssl::delayed_targets(encoder, head, head, [](ssl::index) { return 1.0; }));
  auto ctx = t.ctx(ssl::mode::train);
  const auto check = [&](auto& network) {
    step(t, 0);
    const auto params = read<B>(be, network.params()), grads = read<B>(be, network.grads());
    const auto at = [&](std::size_t k, double shift) {
      auto moved = params;
      moved[k] += shift;
      be.upload(ssl::make_view<ssl::host_space>(std::as_const(moved).data(), network.params().rows, 1),
                network.params());
      step(t, 0);
      return ssl::report(ctx, distance_to_targets{}, t.values()).total;
    };
    for (const ssl::segment& s : network.table()) {
      if (s.kind == ssl::role::buffer) continue;
      const auto k = static_cast<std::size_t>(s.offset + s.size() / 2);
      INFO(s.name);
      CHECK(grads[k] == doctest::Approx((at(k, 1e-6) - at(k, -1e-6)) / 2e-6).epsilon(1e-6));
    }
    at(0, 0);
  };
  check(t.networks().predictor());
  check(t.projector());
  check(t.encoder());
}

TEST_CASE_TEMPLATE("train/branches: a predictor's own rate, and prototypes frozen at first", B,
                   SSL_BACKENDS) {
  B be;
  auto networks = ssl::stop_gradient(encoder, head, head);
  networks.predictor_rate = ssl::frozen_for(2);
  auto t = make_trainer(be, networks);
  const auto trained = [&] {
    std::vector<double> out;
    const auto all = read<B>(be, t.networks().predictor().params());
    for (const ssl::segment& s : t.networks().predictor().table())
      if (s.kind != ssl::role::buffer)
        out.insert(out.end(), all.begin() + s.offset, all.begin() + s.offset + s.size());
    return out;
  };
  const auto start = trained();
  step(t, 0.1);
  step(t, 0.1);
  CHECK(trained() == start);
  step(t, 0.1);
  CHECK(trained() != start);

  networks.predictor_rate = [](ssl::index, double) { return 0.2; };
  auto fixed = make_trainer(be, networks);
  const auto params = read<B>(be, fixed.networks().predictor().params());
  step(fixed, 0);  // only the predictor moves
  CHECK(read<B>(be, fixed.networks().predictor().params()) != params);
}

TEST_CASE_TEMPLATE("train/branches: learning to predict a delayed network lowers the distance", B,
                   SSL_BACKENDS) {
  B be;
  auto t = make_trainer(be, ssl::delayed_targets(encoder, head, head, ssl::cosine_momentum(0.9, 60)));
  auto ctx = t.ctx(ssl::mode::train);
  double first = 0, last = 0;
  for (int k = 0; k < 60; ++k) {
    step(t, 0.05);
    last = ssl::report(ctx, distance_to_targets{}, t.values()).total;
    if (k == 0) first = last;
  }
  CHECK(last < 0.5 * first);
}

TEST_CASE_TEMPLATE("train/branches: what the loss remembers moves on once a step, and each step draws anew",
                   B, SSL_BACKENDS) {
  B be;
  auto t = make_trainer(be, ssl::joint_embedding(encoder, head), distance_to_targets{} + draws{});
  auto ctx = t.ctx(ssl::mode::train);
  std::vector<double> drawn;
  for (int k = 0; k < 3; ++k) {
    step(t, 0);
    drawn.push_back(ssl::report(ctx, distance_to_targets{} + draws{}, t.values()).terms[1].value);
  }
  CHECK(read<B>(be, t.loss_state()) == std::vector<double>{3});
  CHECK(drawn[0] != drawn[1]);
  CHECK(drawn[1] != drawn[2]);
}

TEST_CASE("train/branches: cosine momentum runs from its start to one") {
  const auto tau = ssl::cosine_momentum(0.99, 100);
  CHECK(tau(0) == doctest::Approx(0.99));
  CHECK(tau(50) == doctest::Approx(0.995));
  CHECK(tau(100) == doctest::Approx(1));
}

TEST_CASE("train/branches: what does not fit is told in a sentence") {
  using B = ssl::test::backend<float>;
  using ssl::test::message;
  B be;
  CHECK(message<ssl::option_error>([&] { make_trainer(be, ssl::delayed_targets(encoder, head, {})); }) ==
        "ssl::branches: a delayed network needs a momentum, a function of the step");
  CHECK(message<ssl::shape_error>([&] {
          make_trainer(be, ssl::stop_gradient(encoder, head, ssl::projector({8, 4})));
        }) == "ssl::branches: the predictor gives 4 features, but its targets have 5; both must be equal");
}
