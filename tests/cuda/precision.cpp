// What only the CUDA backend promises: TF32 where it is asked for, memory that is told by its purpose.

#include <cmath>

#include "support/backends.hpp"

namespace ssl::test {
namespace {

/// The relative error of a product of normal matrices, against double.
double product_error(cuda_options options) {
  using B = cuda_backend<float>;
  B be(options);
  const index m = 200, n = 150, k = 300;
  auto a = normals(m * k, 1), b = normals(k * n, 2);
  for (auto* values : {&a, &b})
    for (double& x : *values) x = static_cast<double>(static_cast<float>(x));
  const matrix<B> x(be, m, k, a), y(be, k, n, b), z(be, m, n);
  gemm(be, trans::no, trans::no, 1.0f, x.read(), y.read(), 0.0f, z());
  std::vector<double> exact(static_cast<std::size_t>(m * n));
  for (index j = 0; j < n; ++j)
    for (index l = 0; l < k; ++l)
      for (index i = 0; i < m; ++i)
        exact[static_cast<std::size_t>(i + j * m)] +=
            a[static_cast<std::size_t>(i + l * m)] * b[static_cast<std::size_t>(l + j * k)];
  return relative_error(z.get(), exact);
}

}  // namespace

TEST_CASE("cuda: products of floats keep all their digits unless TF32 is asked for") {
  CHECK(product_error({}) < tolerances.of_float);
  CHECK(product_error({.tf32 = true}) < tolerances.of_tf32);
}

TEST_CASE("cuda: a block that does not fit is refused with what holds the memory") {
  cuda_backend<float> be;
  const auto kept = be.allocate<float>(1000, "the activations");
  CHECK(be.held_bytes() == 4000);
  std::string message;
  try {
    be.allocate<float>(index{1} << 50, "scratch");
  } catch (const out_of_memory& e) {
    message = e.what();
  }
  CHECK(message.find("were asked for scratch") != std::string::npos);
  CHECK(message.find("this backend holds 4 kB for the activations") != std::string::npos);
  CHECK(product_error({}) < tolerances.of_float);  // and the device is as it was
}

TEST_CASE("cuda: what a backend allocated is free when it is gone") {
  cuda_backend<float> outer;
  {
    const auto block = outer.allocate<double>(256);
    CHECK(outer.held_bytes() == 2048);
  }
  CHECK(outer.held_bytes() == 0);
}

}  // namespace ssl::test
