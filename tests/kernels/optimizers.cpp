// Steps of SGD and LARS, which go by chunks of 4096 numbers and by groups of small tensors, against their
// formulas. Integers and powers of two; a gradient that is the weights turned around has their norm, so LARS'
// trust is exact.

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/optim/lars.hpp"
#include "ssl/optim/sgd.hpp"

namespace ssl::test {
namespace {

/// Numbers of a step, and a table that cuts them into tensors.
template <class T>
struct parameters {
  std::vector<segment> table;
  std::vector<T> w, g, v;

  void add(index size, role kind) {
    const auto count = static_cast<index>(w.size());
    table.push_back({"w", size, 1, kind, {}, count});
    auto more = integers<T>(size, static_cast<std::uint32_t>(table.size()));
    if (more.front() == T{0}) more.front() = T{1};  // no tensor is all zeros
    w.insert(w.end(), more.begin(), more.end());
    g.insert(g.end(), more.rbegin(), more.rend());
    const auto momenta = integers<T>(size, static_cast<std::uint32_t>(7 * table.size()));
    v.insert(v.end(), momenta.begin(), momenta.end());
  }
  index count() const { return static_cast<index>(w.size()); }
};

template <class T, class Optimizer>
void step(int threads, const Optimizer& optimizer, parameters<T>& p, double rate) {
  workspace<plain_products<T>> work{plain_products<T>(threads)};
  auto ctx = work.ctx();
  const index n = p.count(), state = optimizer.state(n);
  optimizer.step(ctx, p.table, make_view(p.w.data(), n, 1), make_view<host_space, const T>(p.g.data(), n, 1),
                 make_view(p.v.data(), state, 1), rate);
}

template <class T>
void check_sgd(int threads, const sgd& optimizer, parameters<T> p) {
  CAPTURE(threads);
  CAPTURE(p.count());
  const T m = static_cast<T>(optimizer.momentum), d = static_cast<T>(optimizer.weight_decay), r = T{0.5};
  auto w = p.w, v = p.v;
  for (const segment& s : p.table)
    for (index i = s.offset; s.kind != role::buffer && i < s.offset + s.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const T u = p.g[k] + (s.kind == role::matrix || optimizer.decay_vectors ? d : T{0}) * w[k];
      if (m != T{0}) v[k] = m * v[k] + u;
      w[k] -= r * (m == T{0} ? u : optimizer.nesterov ? u + m * v[k] : v[k]);
    }
  step(threads, optimizer, p, 0.5);
  CHECK((first_difference(p.w, w) == -1 && first_difference(p.v, v) == -1));
}

/// By `fair` and `simclr` without decay: q is the trust for matrices, 1 for vectors.
template <class T>
void check_lars(int threads, lars_variant variant, bool nesterov, parameters<T> p) {
  CAPTURE(threads);
  CAPTURE(p.count());
  const lars optimizer{
      .trust = 0.25, .momentum = 0.5, .variant = variant, .nesterov = nesterov, .vector_rate = 2};
  auto w = p.w, v = p.v;
  for (const segment& s : p.table)
    for (index i = s.offset; s.kind != role::buffer && i < s.offset + s.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const T q = s.kind == role::matrix ? T{0.25} : T{1}, r = s.kind == role::matrix ? T{0.5} : T{1};
      const bool inside = variant == lars_variant::simclr;
      const T u = (inside ? r * q : q) * p.g[k];
      v[k] = T{0.5} * v[k] + u;
      w[k] -= (inside ? T{1} : r) * (nesterov ? u + T{0.5} * v[k] : v[k]);
    }
  step(threads, optimizer, p, 0.5);
  CHECK((first_difference(p.w, w) == -1 && first_difference(p.v, v) == -1));
}

/// One tensor of `size` between small ones of every kind.
template <class T>
parameters<T> around(index size, role kind) {
  parameters<T> p;
  p.add(3, role::vector);
  p.add(size, kind);
  p.add(5, role::buffer);
  p.add(2, role::matrix);
  return p;
}

constexpr index chunk = detail::update_chunk;

}  // namespace

TEST_CASE_TEMPLATE("kernels/sgd: tensors of every size around the chunks", T, float, double) {
  int shapes = 0;
  for (const index size : sizes(40, {64, chunk, 2 * chunk}))
    for (const role kind : {role::matrix, role::vector}) {
      check_sgd<T>(1, {.momentum = 0.5, .weight_decay = 0.25}, around<T>(size, kind));
      check_sgd<T>(1, {.momentum = 0.5, .weight_decay = 0.25, .nesterov = true, .decay_vectors = false},
                   around<T>(size, kind));
      check_sgd<T>(1, {.momentum = 0, .weight_decay = 0.25, .decay_vectors = false}, around<T>(size, kind));
      shapes += 3;
    }
  for (const int threads : thread_counts)
    for (const index size : sizes(0, {9 * chunk, 10 * chunk})) {
      check_sgd<T>(threads, {.momentum = 0.5, .weight_decay = 0.25}, around<T>(size, role::matrix));
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/lars: tensors of every size around the chunks and the groups", T, float, double) {
  int shapes = 0;
  for (const bool nesterov : {false, true})
    for (const lars_variant variant : {lars_variant::fair, lars_variant::simclr}) {
      for (const index size : sizes(20, {64, chunk, 2 * chunk, 16 * chunk, 17 * chunk}))
        for (const role kind : {role::matrix, role::vector}) {
          check_lars<T>(size > 9000 ? 2 : 1, variant, nesterov, around<T>(size, kind));
          ++shapes;
        }
      for (const index tensors : {31, 32, 33, 64, 65}) {
        parameters<T> p;
        for (index k = 0; k < tensors; ++k) p.add(1 + k % 7, k % 5 == 4 ? role::buffer : role::matrix);
        check_lars<T>(1, variant, nesterov, p);
        ++shapes;
      }
    }
  for (const int threads : thread_counts)
    for (const index size : sizes(0, {16 * chunk, 21 * chunk})) {
      check_lars<T>(threads, lars_variant::fair, false, around<T>(size, role::matrix));
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
