// The communicator of one process.

#include "ssl/exec/communicator.hpp"

#include "support/backends.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("exec/communicator: alone, a gather is a copy and a reduction is nothing", B,
                   SSL_BACKENDS) {
  static_assert(Communicator<single<B>, B>);
  B be;
  single<B> comm;
  CHECK(comm.rank() == 0);
  CHECK(comm.size() == 1);
  const matrix<B> mine(be, 2, 3, {1, 2, 3, 4, 5, 6}), all(be, 2, 3, std::vector<double>(6));
  comm.all_gather(be, mine.read(), all());
  CHECK(all.get() == mine.get());
  comm.all_reduce_sum(be, all());
  CHECK(all.get() == mine.get());
}

TEST_CASE_TEMPLATE("exec/communicator: a gather into another shape is refused", B, SSL_BACKENDS) {
  B be;
  single<B> comm;
  const matrix<B> mine(be, 2, 3), all(be, 2, 6);
  CHECK_THROWS_AS(comm.all_gather(be, mine.read(), all()), shape_error);
}

}  // namespace ssl::test
