// A profile counts what the verbs of the CPU backend do.

#include "ssl/backend/profile.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ssl/backend/eigen.hpp"

namespace ssl::test {
namespace {

using B = eigen_backend<float>;

/// A functor with arguments of every kind.
template <class Backend, class Inner, class T>
struct shown {
  SSL_FN T operator()() const { return T{1}; }
};

profile::row found(const profile& times, const std::string& verb, const std::string& what) {
  for (const profile::row& r : times.rows())
    if (r.verb == verb && r.what == what) return r;
  return {};
}

}  // namespace

static_assert(ProfiledBackend<B>);

TEST_CASE("backend/profile: a functor is named without namespaces, scalars and backends") {
  CHECK(detail::readable(detail::spelled<fn::axpy<float>>()) == "axpy");
  CHECK(detail::readable(detail::spelled<shown<B, fn::square<double>, float>>()) == "shown<square>");
  CHECK(detail::short_type("ssl::a<ssl::b<ssl::c, 3>, unsigned char, ssl::host_space>") == "a<b<c, 3>>");
  CHECK(detail::short_type("float") == "float");
  CHECK(detail::readable("const char* spelled() [with F = ssl::detail::x]") == "x");
  const std::string wide = "[F = " + std::string(80, 'x') + "]";
  CHECK(detail::readable(wide.c_str()) == std::string(57, 'x') + "...");
}

TEST_CASE("backend/profile: counts calls, arithmetic and memory by operation") {
  B be;
  profile times;
  auto a = be.allocate<float>(60), b = be.allocate<float>(20), c = be.allocate<float>(12);
  auto sums = be.allocate<double>(1);
  const auto x = a.as(15, 4), y = b.as(4, 5), small = c.as(4, 3);
  fill(be, x, 1.0f);
  fill(be, y, 2.0f);
  CHECK(times.rows().empty());

  be.record_into(&times);
  fill(be, small, 1.0f);
  fill(be, small, 1.0f);
  copy(be, small, small);
  gemm(be, trans::no, trans::no, 1.0f, as_const(y.reshaped(5, 4)), as_const(small), 0.0f, a.as(5, 3));
  syrk(be, trans::yes, 1.0f, as_const(y), 0.0f, a.as(5, 5));
  fill(be, sums.as(1, 1), 0.0);
  map_reduce(be, sums.as(1, 1), fn::plus{}, fn::identity<float>{}, small);
  for_each_column(be, 3, idle_column{});
  be.record_into(nullptr);
  fill(be, small, 1.0f);

  const auto filled = found(times, "map", "constant");
  CHECK(filled.calls == 3);
  CHECK(filled.bytes == 2 * 12 * 4 + 8);
  CHECK(filled.flops == 0);
  CHECK(filled.seconds > 0);
  CHECK(found(times, "map", "identity").bytes == 2 * 12 * 4);
  CHECK(found(times, "map_reduce", "identity").calls == 1);
  CHECK(found(times, "for_each_column", "idle_column").calls == 1);
  const auto product = found(times, "gemm", "5 x 3 x 4");
  CHECK(product.calls == 1);
  CHECK(product.flops == 2 * 5 * 3 * 4);
  CHECK(product.bytes == 4 * (5 * 4 + 4 * 3 + 5 * 3));
  CHECK(found(times, "syrk", "5 x 5 x 4").flops == 5 * 5 * 4);

  const auto rows = times.rows();
  CHECK(rows.size() == 6);
  double sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sum += rows[i].seconds;
    if (i > 0) CHECK(rows[i].seconds <= rows[i - 1].seconds);
  }
  CHECK(times.seconds() == doctest::Approx(sum));
  times.clear();
  CHECK(times.rows().empty());
}

TEST_CASE("backend/profile: convolutions are told apart by their geometry") {
  B be;
  profile times;
  const conv_geometry g{{2, 5, 4}, 3, 3, 1, 1}, point{{2, 5, 4}, 3, 1, 1, 0};
  auto memory = be.allocate<float>(1000);
  fill(be, memory.as(1000, 1), 1.0f);
  const auto x = as_const(memory.as(2, 60)), w = as_const(memory.as(3, 18)), w1 = as_const(memory.as(3, 2));
  auto y = be.allocate<float>(180), dx = be.allocate<float>(120), dw = be.allocate<float>(54);
  fill(be, dw.as(3, 18), 0.0f);
  be.record_into(&times);
  be.conv2d_forward(g, x, w, y.as(3, 60));
  be.conv2d_forward(point, x, w1, y.as(3, 60));
  be.conv2d_backward(g, x, w, as_const(y.as(3, 60)), dx.as(2, 60), dw.as(3, 18));
  be.conv2d_backward(g, x, w, as_const(y.as(3, 60)), view<B>{}, dw.as(3, 18));
  CHECK(times.rows().size() == 4);
  const double flops = 2.0 * 3 * 18 * 60;
  CHECK(found(times, "conv2d_forward", "2@5x4 -> 3, 3x3/1, n 3").flops == flops);
  CHECK(found(times, "conv2d_forward", "2@5x4 -> 3, 1x1/1, n 3").flops == flops / 9);
  CHECK(found(times, "conv2d_input_gradient", "2@5x4 -> 3, 3x3/1, n 3").flops == flops);
  CHECK(found(times, "conv2d_weight_gradient", "2@5x4 -> 3, 3x3/1, n 3").flops == 2 * flops);
}

TEST_CASE("backend/profile: what a verb calls inside another is not counted twice") {
  profile times;
  {
    const profile::span outer(&times, [] { return operation{"outer"}; });
    const profile::span inner(&times, [] { return operation{"inner"}; });
  }
  const profile::span none(nullptr, [] { return operation{"none"}; });
  CHECK(times.rows().size() == 1);
  CHECK(times.rows().front().verb == "outer");
}

}  // namespace ssl::test
