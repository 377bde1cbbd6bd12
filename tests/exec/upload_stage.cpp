#include "ssl/exec/upload_stage.hpp"

#include <algorithm>

#include "support/backends.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("exec/upload_stage: every turn arrives, though the next is written at once", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  upload_stage<B, T> stage(be, 6);
  std::vector<matrix<B>> arrived;
  for (int turn = 0; turn < 5; ++turn) arrived.emplace_back(be, 2, 3);
  for (int turn = 0; turn < 5; ++turn) {
    const std::span<T> host = stage.next();
    REQUIRE(host.size() == 6);
    for (std::size_t k = 0; k < 6; ++k) host[k] = static_cast<T>(10 * turn) + static_cast<T>(k);
    stage.send(arrived[static_cast<std::size_t>(turn)]());
  }
  for (int turn = 0; turn < 5; ++turn)
    CHECK(arrived[static_cast<std::size_t>(turn)].get() ==
          std::vector<double>{10.0 * turn, 10.0 * turn + 1, 10.0 * turn + 2, 10.0 * turn + 3, 10.0 * turn + 4,
                              10.0 * turn + 5});
}

TEST_CASE_TEMPLATE("exec/upload_stage: sends to a target of its size only", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  upload_stage<B, T> stage(be, 6);
  const matrix<B> other(be, 2, 2);
  CHECK_THROWS_WITH_AS(stage.send(other()), "ssl::upload_stage: the target is 2x2, expected 6 values in all",
                       shape_error);
}

TEST_CASE_TEMPLATE("exec/upload_stage: allocates when it is made and never again", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const matrix<B> target(be, 3, 1);
  upload_stage<B, T> stage(be, 3);
  const index settled = be.allocations();
  for (int turn = 0; turn < 4; ++turn) {
    std::ranges::fill(stage.next(), T{1});
    stage.send(target());
  }
  CHECK(be.allocations() == settled);
  CHECK(target.get() == std::vector<double>{1, 1, 1});
}

}  // namespace ssl::test
