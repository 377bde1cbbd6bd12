#include "ssl/optim/sgd.hpp"

#include "support/backends.hpp"

namespace {

/// Two matrices, a vector and a buffer between them; the first matrix spans several chunks of an update.
std::vector<ssl::segment> table() {
  std::vector<ssl::segment> out{{"first", 100, 90, ssl::role::matrix, {}, 0},
                                {"bias", 7, 1, ssl::role::vector, {}, 9000},
                                {"running", 5, 1, ssl::role::buffer, {}, 9007},
                                {"second", 4, 3, ssl::role::matrix, {}, 9012}};
  return out;
}
constexpr ssl::index total = 9024;

struct oracle {
  std::vector<double> w, v;
  void step(const ssl::sgd& o, const std::vector<double>& g, double rate) {
    for (const auto& s : table()) {
      if (s.kind == ssl::role::buffer) continue;
      const double decay = s.kind == ssl::role::matrix || o.decay_vectors ? o.weight_decay : 0;
      for (ssl::index k = s.offset; k < s.offset + s.size(); ++k) {
        const auto i = static_cast<std::size_t>(k);
        const double u = g[i] + decay * w[i];
        v[i] = o.momentum * v[i] + u;
        w[i] -= rate * (o.nesterov ? u + o.momentum * v[i] : v[i]);
      }
    }
  }
};

template <class B>
void compare(const ssl::sgd& optimizer) {
  B be;
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  static_assert(ssl::Optimizer<ssl::sgd, decltype(ctx)>);
  const auto start = ssl::test::normals(total, 1), g1 = ssl::test::normals(total, 2),
             g2 = ssl::test::normals(total, 3);
  oracle expected{start, std::vector<double>(static_cast<std::size_t>(total), 0.0)};
  ssl::test::matrix<B> w(work.backend(), total, 1, start), g(work.backend(), total, 1, g1);
  const ssl::index kept = optimizer.state(total);
  ssl::test::matrix<B> v(work.backend(), kept, 1, std::vector<double>(static_cast<std::size_t>(kept), 0.0));
  const auto segments = table();
  optimizer.step(ctx, segments, w(), g(), v(), 0.1);
  expected.step(optimizer, g1, 0.1);
  CHECK(ssl::test::relative_error(w.get(), expected.w) < ssl::test::tolerance<B>);
  g.set(g2);
  optimizer.step(ctx, segments, w(), g(), v(), 0.05);
  expected.step(optimizer, g2, 0.05);
  CHECK(ssl::test::relative_error(w.get(), expected.w) < ssl::test::tolerance<B>);
  const auto result = w.get();
  for (std::size_t i = 9007; i < 9012; ++i) CHECK(result[i] == static_cast<typename B::scalar>(start[i]));
}

}  // namespace

TEST_CASE_TEMPLATE("optim/sgd: two steps equal the loops of the definition", B, SSL_BACKENDS) {
  compare<B>({});
  compare<B>({.weight_decay = 0.01});
  compare<B>({.weight_decay = 0.01, .nesterov = true});
  compare<B>({.weight_decay = 0.01, .decay_vectors = false});
  compare<B>({.momentum = 0, .weight_decay = 0.3});
}

TEST_CASE_TEMPLATE("optim/sgd: keeps one scalar a parameter, none without momentum", B, SSL_BACKENDS) {
  CHECK(ssl::sgd{}.state(10) == 10);
  CHECK(ssl::sgd{.momentum = 0}.state(10) == 0);
}

TEST_CASE_TEMPLATE("optim/sgd: says which column has the wrong length", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  auto& be = work.backend();
  ssl::test::matrix<B> full(be, total, 1), short_by_one(be, total - 1, 1);
  const auto segments = table();
  CHECK_THROWS_WITH_AS(ssl::sgd{}.step(ctx, segments, full(), short_by_one(), full(), 0.1),
                       "ssl::sgd: there are 9024 parameters and 9023 gradients", ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::sgd{}.step(ctx, segments, full(), full(), short_by_one(), 0.1),
                       "ssl::sgd: the state has 9023 scalars, but this optimizer keeps 9024",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS(ssl::sgd{}.step(ctx, segments, short_by_one(), short_by_one(), short_by_one(), 0.1),
                       "ssl::sgd: the table ends at scalar 9024, but there are 9023 parameters",
                       ssl::shape_error);
}

TEST_CASE_TEMPLATE("optim/optimizer: neighbours alike are updated as one run, buffers not at all", B,
                   SSL_BACKENDS) {
  const std::vector<ssl::segment> segments{{"a", 2, 1, ssl::role::vector, {}, 0},
                                           {"b", 3, 1, ssl::role::vector, {}, 2},
                                           {"c", 4, 1, ssl::role::buffer, {}, 5},
                                           {"d", 5, 1, ssl::role::vector, {}, 9},
                                           {"e", 6, 1, ssl::role::matrix, {}, 14}};
  std::vector<ssl::index> runs;
  ssl::detail::for_each_stretch(
      segments, [](ssl::role a, ssl::role b) { return a == b; },
      [&](ssl::index first, ssl::index count, ssl::role) {
        runs.insert(runs.end(), {first, count});
      });
  CHECK(runs == std::vector<ssl::index>{0, 5, 9, 5, 14, 6});
}
