#include "ssl/optim/lars.hpp"

#include <cmath>

#include "support/backends.hpp"

namespace {

using ssl::lars;
using ssl::lars_variant;

/// A matrix of several chunks, a vector, a buffer, a matrix of zeros, a matrix whose gradient is zero, a
/// matrix too large for one team, and more small tensors than one group holds.
std::vector<ssl::segment> table() {
  std::vector<ssl::segment> out{
      {"first", 100, 90, ssl::role::matrix, {}, 0},   {"bias", 7, 1, ssl::role::vector, {}, 9000},
      {"running", 5, 1, ssl::role::buffer, {}, 9007}, {"zero", 4, 3, ssl::role::matrix, {}, 9012},
      {"still", 2, 3, ssl::role::matrix, {}, 9024},   {"large", 290, 310, ssl::role::matrix, {}, 9030}};
  for (ssl::index k = 0; k < 40; ++k)
    out.push_back({"small", 3, 2, ssl::role::matrix, {}, 9030 + 290 * 310 + 6 * k});
  return out;
}
constexpr ssl::index total = 9030 + 290 * 310 + 240;

std::vector<double> weights() {
  auto w = ssl::test::normals(total, 1);
  for (std::size_t i = 9012; i < 9024; ++i) w[i] = 0;
  return w;
}
std::vector<double> gradients(unsigned seed) {
  auto g = ssl::test::normals(total, seed, 0.3);
  for (std::size_t i = 9024; i < 9030; ++i) g[i] = 0;
  return g;
}

/// The definitions, one loop a tensor.
struct oracle {
  std::vector<double> w, v;

  void step(const lars& o, const std::vector<double>& g, double rate) {
    for (const auto& s : table()) {
      if (s.kind == ssl::role::buffer) continue;
      const auto first = static_cast<std::size_t>(s.offset),
                 last = static_cast<std::size_t>(s.offset + s.size());
      const bool sum = o.variant == lars_variant::bolts || o.variant == lars_variant::larc;
      const bool adapt = s.kind == ssl::role::matrix || !o.exclude_vectors || o.variant == lars_variant::larc;
      double decay = adapt ? o.weight_decay : 0, q = 1, r = adapt ? rate : rate * o.vector_rate;
      if (adapt) {
        double ww = 0, gg = 0, uu = 0;
        for (std::size_t i = first; i < last; ++i) {
          ww += w[i] * w[i];
          gg += g[i] * g[i];
          uu += (g[i] + decay * w[i]) * (g[i] + decay * w[i]);
        }
        const double wn = std::sqrt(ww), gn = std::sqrt(gg), un = std::sqrt(uu);
        if (sum && wn != 0 && gn != 0)
          q = o.trust * wn / (gn + decay * wn + o.eps);
        else if (!sum && wn > 0 && un > 0)
          q = o.trust * wn / (un + o.eps);
        else if (sum)
          decay = 0;
        if (o.clip && wn != 0 && gn != 0) q = std::min(q / r, 1.0);
      }
      for (std::size_t i = first; i < last; ++i) {
        const double u = q * (g[i] + decay * w[i]);
        if (o.variant == lars_variant::simclr) {
          v[i] = o.momentum * v[i] + r * u;
          w[i] -= o.nesterov ? r * u + o.momentum * v[i] : v[i];
        } else {
          v[i] = o.momentum * v[i] + u;
          w[i] -= r * (o.nesterov ? u + o.momentum * v[i] : v[i]);
        }
      }
    }
  }
};

template <class B>
std::vector<double> run(const lars& optimizer, std::vector<double> rates,
                        std::vector<double>* expected = nullptr) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  static_assert(ssl::Optimizer<lars, decltype(ctx)>);
  oracle slow{weights(), std::vector<double>(static_cast<std::size_t>(total), 0.0)};
  ssl::test::matrix<B> w(work.backend(), total, 1, slow.w), g(work.backend(), total, 1);
  ssl::test::matrix<B> v(work.backend(), total, 1, slow.v);
  const auto segments = table();
  unsigned seed = 2;
  for (const double rate : rates) {
    const auto now = gradients(seed++);
    g.set(now);
    optimizer.step(ctx, segments, w(), g(), v(), rate);
    slow.step(optimizer, now, rate);
  }
  if (expected) *expected = slow.w;
  return w.get();
}

/// The worked example: w = (3, 4), g = (-0.8, 0.6), decay 0.1, trust 0.001, one step at rate 0.5.
template <class B>
std::vector<double> worked(lars_variant variant) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  auto& be = work.backend();
  ssl::test::matrix<B> w(be, 2, 1, {3, 4}), g(be, 2, 1, {-0.8, 0.6}), v(be, 2, 1, {0, 0});
  const std::vector<ssl::segment> segments{{"w", 2, 1, ssl::role::matrix, {}, 0}};
  lars{.weight_decay = 0.1, .variant = variant}.step(ctx, segments, w(), g(), v(), 0.5);
  return w.get();
}

const lars every[] = {
    {.trust = 0.02, .weight_decay = 0.05},
    {.trust = 0.02, .weight_decay = 0.05, .nesterov = true},
    {.trust = 0.02, .weight_decay = 0.05, .exclude_vectors = false},
    {.trust = 0.02, .weight_decay = 0.05, .vector_rate = 0.1},
    {.trust = 0.02, .weight_decay = 0.05, .variant = lars_variant::simclr},
    {.trust = 0.02, .weight_decay = 0.05, .variant = lars_variant::simclr, .nesterov = true},
    {.trust = 0.02, .weight_decay = 0.05, .variant = lars_variant::bolts, .eps = 1e-8},
    {.trust = 0.02, .weight_decay = 0.05, .variant = lars_variant::bolts, .eps = 1e-8, .clip = true},
    {.trust = 2.0, .weight_decay = 0.05, .variant = lars_variant::bolts, .eps = 1e-8, .clip = true},
    {.trust = 0.02, .weight_decay = 0.05, .variant = lars_variant::larc, .eps = 1e-8},
    ssl::vicreg_official_lars(),
    ssl::barlow_official_lars(),
    ssl::byol_official_lars(),
    ssl::simclr_official_lars(),
    ssl::solo_learn_lars(),
    ssl::swav_official_larc(),
    ssl::emp_ssl_lars(),
};

}  // namespace

TEST_CASE_TEMPLATE("optim/lars: the worked example has the trust ratios 4.472136e-3 and 3.333333e-3", B,
                   SSL_BACKENDS) {
  const auto fair = worked<B>(lars_variant::fair), bolts = worked<B>(lars_variant::bolts);
  // u = (-0.5, 1.0), the step is 0.5 q u.
  const double q1 = 4.472135955e-3, q2 = 0.005 / 1.5;
  CHECK(ssl::test::relative_error(fair, {3 + 0.25 * q1, 4 - 0.5 * q1}) < 1e-7);
  CHECK(ssl::test::relative_error(bolts, {3 + 0.25 * q2, 4 - 0.5 * q2}) < 1e-7);
  CHECK(worked<B>(lars_variant::simclr) == fair);
  CHECK(worked<B>(lars_variant::larc) == bolts);
}

TEST_CASE_TEMPLATE("optim/lars: the first step of every form equals the loops of its definition", B,
                   SSL_BACKENDS) {
  for (const lars& o : every) {
    std::vector<double> expected;
    const auto w = run<B>(o, {0.4}, &expected);
    CHECK(ssl::test::relative_error(w, expected) < ssl::test::tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("optim/lars: the third step, with momentum and a changed rate, does too", B,
                   SSL_BACKENDS) {
  for (const lars& o : every) {
    std::vector<double> expected;
    const auto w = run<B>(o, {0.4, 0.1, 0.7}, &expected);
    CHECK(ssl::test::relative_error(w, expected) < ssl::test::tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("optim/lars: a changing rate tells fair from simclr, a constant one does not", B,
                   SSL_DOUBLE_BACKENDS) {
  const lars fair{.trust = 0.1, .weight_decay = 0.05};
  lars simclr = fair;
  simclr.variant = lars_variant::simclr;
  CHECK(ssl::test::relative_error(run<B>(fair, {0.4, 0.4}), run<B>(simclr, {0.4, 0.4})) < 1e-13);
  CHECK(ssl::test::relative_error(run<B>(fair, {0.4, 0.1}), run<B>(simclr, {0.4, 0.1})) > 1e-5);
}

TEST_CASE_TEMPLATE("optim/lars: tensors that start at zero move, buffers do not", B, SSL_BACKENDS) {
  const auto before = weights();
  for (const lars& o : every) {
    const auto after = run<B>(o, {0.4});
    for (std::size_t i = 9012; i < 9024; ++i) CHECK(after[i] != 0);
    for (std::size_t i = 9007; i < 9012; ++i) CHECK(after[i] == static_cast<typename B::scalar>(before[i]));
  }
}

TEST_CASE_TEMPLATE("optim/lars: excluded vectors take plain steps without decay", B, SSL_BACKENDS) {
  const auto before = weights(), g = gradients(2);
  const auto after = run<B>({.trust = 0.02, .weight_decay = 0.5, .vector_rate = 0.5}, {0.4});
  for (std::size_t i = 9000; i < 9007; ++i)
    CHECK(after[i] == doctest::Approx(before[i] - 0.2 * g[i]).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("optim/lars: a rate of zero moves nothing and breaks nothing", B, SSL_BACKENDS) {
  const auto before = weights();
  for (const lars& o : every) {
    const auto after = run<B>(o, {0.0});
    CHECK(ssl::test::relative_error(after, before) < 1e-7);
    std::vector<double> expected;
    const auto later = run<B>(o, {0.0, 0.3}, &expected);
    CHECK(ssl::test::relative_error(later, expected) < ssl::test::tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("optim/lars: steps after the first allocate nothing", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  auto& be = work.backend();
  ssl::test::matrix<B> w(be, total, 1, weights()), g(be, total, 1, gradients(2));
  ssl::test::matrix<B> v(be, total, 1, std::vector<double>(static_cast<std::size_t>(total), 0.0));
  const auto segments = table();
  for (int k = 0; k < 2; ++k) lars{}.step(ctx, segments, w(), g(), v(), 0.1);
  const ssl::index before = be.allocations();
  for (int k = 0; k < 5; ++k) lars{}.step(ctx, segments, w(), g(), v(), 0.1);
  CHECK(be.allocations() == before);
}
