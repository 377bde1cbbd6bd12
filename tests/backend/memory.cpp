// Allocation and transfers: `allocate`, `upload`, `download`, and the count that says that steps allocate
// nothing.

#include <cstdint>

#include "block.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("backend/backend: the family under test models Backend", B, SSL_BACKENDS) {
  static_assert(check_backend<B>());
  CHECK(std::string(B::name()) != "");
}

TEST_CASE_TEMPLATE("backend/upload: goes out and comes back, between any leading dimensions", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent s : {extent{1, 1}, extent{5, 1}, extent{1, 5}, extent{37, 11}}) {
    const auto a = rounded<B>(normals(s.rows * s.cols, 1));
    std::vector<T> host(static_cast<std::size_t>((s.rows + 2) * s.cols), T{-1}), back = host;
    for (index j = 0; j < s.cols; ++j)
      for (index i = 0; i < s.rows; ++i) host[at(i, j, s.rows + 2)] = static_cast<T>(a[at(i, j, s.rows)]);
    const block<B> there(be, s.rows, s.cols, std::vector<double>(a.size()));
    be.upload(matrix_view<const T, host_space>{host.data(), s.rows, s.cols, s.rows + 2}, there());
    be.download(there.read(), matrix_view<T, host_space>{back.data(), s.rows, s.cols, s.rows + 2});
    be.wait();
    CHECK(back == host);  // also what lies between the columns
    CHECK(there.get() == a);
    CHECK(there.intact());
  }
}

TEST_CASE_TEMPLATE("backend/upload: moves bytes and doubles as well as scalars", B, SSL_BACKENDS) {
  B be;
  std::vector<std::uint8_t> bytes(30), back(30);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(9 * i);
  const auto there = be.template allocate<std::uint8_t>(40);
  be.upload(matrix_view<const std::uint8_t, host_space>{bytes.data(), 5, 6, 5}, there.as(5, 6));
  be.download(as_const(there.as(5, 6)), matrix_view<std::uint8_t, host_space>{back.data(), 5, 6, 5});
  be.wait();
  CHECK(back == bytes);
  const auto a = normals(6, 2);
  CHECK(doubles<B>(be, 2, 3, a).get() == a);
}

TEST_CASE_TEMPLATE("backend/upload: refuses shapes that differ, in a sentence", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  std::vector<T> host(6);
  const matrix<B> there(be, 3, 2);
  const matrix_view<T, host_space> here{host.data(), 2, 3, 2};
  CHECK_THROWS_WITH_AS(be.upload(as_const(here), there()),
                       "ssl: a matrix of 2x3 cannot be copied into one of 3x2", shape_error);
  CHECK_THROWS_WITH_AS(be.download(there.read(), here),
                       "ssl: a matrix of 3x2 cannot be copied into one of 2x3", shape_error);
}

TEST_CASE_TEMPLATE("backend/allocate: counts, aligns, and takes nothing for nothing", B, SSL_BACKENDS) {
  B be;
  const index before = be.allocations();
  const auto some = be.template allocate<float>(17);
  const auto none = be.template allocate<double>(0);
  const auto own = be.allocate(3);
  CHECK(be.allocations() == before + 3);
  CHECK(some.size() == 17);
  CHECK(some.all().rows == 17);
  CHECK(some.all().cols == 1);
  CHECK(some.as(4, 4).ld == 4);
  CHECK(reinterpret_cast<std::uintptr_t>(some.all().data) % 64 == 0);
  CHECK(none.size() == 0);
  CHECK(none.all().size() == 0);
  static_assert(std::is_same_v<decltype(own.all()), view<B>>);
}

TEST_CASE_TEMPLATE("backend/allocate: verbs of shapes seen before allocate nothing", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const index n = 40;
  const auto a = normals(n * 3000, 3);
  const matrix<B> x(be, n, 3000, a), row(be, 1, 3000), column(be, n, 1);
  const doubles<B> sum(be, 1, 1, {0});
  const auto verbs = [&] {
    map(be, x(), fn::scale<T>{T{1}}, x());
    map_reduce(be, sum(), fn::plus{}, fn::square<T>{}, x());
    map_reduce(be, row(), fn::plus{}, fn::identity<T>{}, x());
    map_reduce(be, column(), fn::plus{}, fn::identity<T>{}, x());
  };
  verbs();
  const index settled = be.allocations();
  for (int step = 0; step < 3; ++step) verbs();
  CHECK(be.allocations() == settled);
}

}  // namespace ssl::test
