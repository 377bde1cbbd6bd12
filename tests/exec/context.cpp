// The arena, scratch scopes and the context of a step.

#include "ssl/exec/context.hpp"

#include <cstdint>

#include "support/backends.hpp"

namespace ssl::test {
namespace {

/// One step that takes three matrices, two of them nested, and releases all.
template <class B>
void step(arena<B>& scratch, index size) {
  const auto outer = scratch.mark();
  scratch.template take<double>(size, 3);
  const auto inner = scratch.mark();
  scratch.template take<float>(2 * size, size);
  scratch.release(inner);
  scratch.template take<float>(5 * size, size);
  scratch.release(outer);
}

}  // namespace

TEST_CASE_TEMPLATE("exec/context: an arena grows during the first step and never after", B, SSL_BACKENDS) {
  B be;
  arena<B> scratch(be);
  step(scratch, 10);
  const index settled = be.allocations();
  CHECK(settled >= 1);
  for (int k = 0; k < 5; ++k) step(scratch, 10);
  CHECK(be.allocations() == settled);
  step(scratch, 5);  // a smaller step fits
  CHECK(be.allocations() == settled);
  step(scratch, 40);  // a larger one grows it once more, and settles again
  const index larger = be.allocations();
  CHECK(larger > settled);
  for (int k = 0; k < 5; ++k) step(scratch, 40);
  CHECK(be.allocations() == larger);
}

TEST_CASE_TEMPLATE("exec/context: an arena settles even if something stays taken underneath", B,
                   SSL_BACKENDS) {
  B be;
  arena<B> scratch(be);
  scratch.template take<double>(7, 1);
  step(scratch, 10);
  const index settled = be.allocations();
  for (int k = 0; k < 5; ++k) step(scratch, 10);
  CHECK(be.allocations() == settled);
}

TEST_CASE_TEMPLATE("exec/context: what is taken keeps its address and its values while the arena grows", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  arena<B> scratch(be);
  const auto first = scratch.template take<T>(3, 2);
  fill(be, first, T{4});
  for (index k = 1; k < 12; ++k) fill(be, scratch.template take<T>(100 * k, k), T{-1});
  std::vector<T> host(6);
  be.download(as_const(first), matrix_view<T, host_space>{host.data(), 3, 2, 3});
  be.wait();
  CHECK(host == std::vector<T>(6, T{4}));
}

TEST_CASE_TEMPLATE("exec/context: takes are aligned, apart, and of the shape asked for", B, SSL_BACKENDS) {
  B be;
  arena<B> scratch(be);
  for (int round = 0; round < 2; ++round) {
    const auto start = scratch.mark();
    const auto a = scratch.template take<float>(3, 1);
    const auto none = scratch.template take<float>(0, 5);
    const auto b = scratch.template take<double>(5, 7);
    const auto c = scratch.template take<float>(1, 1);
    for (const auto address :
         {reinterpret_cast<std::uintptr_t>(a.data), reinterpret_cast<std::uintptr_t>(b.data),
          reinterpret_cast<std::uintptr_t>(c.data)})
      CHECK(address % 64 == 0);
    CHECK(b.rows == 5);
    CHECK(b.cols == 7);
    CHECK(b.ld == 5);
    CHECK(none.size() == 0);
    const auto begin = [](const auto& v) { return reinterpret_cast<std::uintptr_t>(v.data); };
    const auto end = [&](const auto& v) {
      return begin(v) + static_cast<std::uintptr_t>(v.size()) * sizeof(*v.data);
    };
    CHECK((end(a) <= begin(b) || end(b) <= begin(a)));
    CHECK((end(b) <= begin(c) || end(c) <= begin(b)));
    CHECK((end(a) <= begin(c) || end(c) <= begin(a)));
    scratch.release(start);
  }
}

TEST_CASE_TEMPLATE("exec/context: releasing to a mark gives the same memory again, and nothing below it", B,
                   SSL_BACKENDS) {
  B be;
  arena<B> scratch(be);
  step(scratch, 20);  // settled: one block
  const auto low = scratch.template take<float>(4, 4);
  const auto here = scratch.mark();
  const auto first = scratch.template take<float>(8, 2);
  scratch.release(here);
  const auto second = scratch.template take<float>(2, 8);
  CHECK(first.data == second.data);
  CHECK(low.data != second.data);
}

TEST_CASE_TEMPLATE("exec/context: the high water is the most that was in use at once", B, SSL_BACKENDS) {
  B be;
  arena<B> scratch(be);
  step(scratch, 16);
  step(scratch, 16);  // in one block, without the gaps of growing
  arena<B> fresh(be);
  fresh.template take<std::uint8_t>(1000, 1);
  CHECK(fresh.high_water() == 1024);
  CHECK(scratch.high_water() >= 16 * 3 * 8 + 5 * 16 * 16 * 4);
}

TEST_CASE_TEMPLATE("exec/context: a scratch scope releases what was taken inside it", B, SSL_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  {  // settles the arena
    scratch_scope warm(ctx);
    ctx.take(50, 50);
    ctx.take_accumulator(50, 50);
  }
  const auto outside = ctx.take(2, 2);
  typename B::scalar* inside = nullptr;
  {
    scratch_scope scope(ctx);
    inside = ctx.take(3, 3).data;
    {
      scratch_scope nested(ctx);
      CHECK(ctx.take(3, 3).data != inside);
    }
  }
  CHECK(ctx.take(5, 1).data == inside);
  CHECK(outside.data != inside);
}

TEST_CASE_TEMPLATE("exec/context: a workspace hands out contexts on one backend, in the phase asked for", B,
                   SSL_BACKENDS) {
  workspace<B> work;
  auto train = work.ctx();
  auto eval = work.ctx(mode::eval);
  CHECK(train.phase == mode::train);
  CHECK(eval.phase == mode::eval);
  CHECK(&train.be == &work.backend());
  CHECK(&train.scratch == &eval.scratch);
  static_assert(std::is_same_v<decltype(train.take(1, 1)), view<B>>);
  static_assert(std::is_same_v<decltype(train.take_accumulator(1, 1)), accumulator_view<B>>);
}

}  // namespace ssl::test
