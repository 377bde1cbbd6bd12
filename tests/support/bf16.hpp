#pragma once
/// bf16 on the host, and a backend that multiplies it.

#include <vector>

#include "ssl/nn/product.hpp"
#include "support/backends.hpp"

namespace ssl::test {

/// The bf16 nearest to x.
inline double rounded(double x) { return static_cast<double>(static_cast<float>(bf16(x))); }

inline std::vector<double> rounded(std::vector<double> x) {
  for (double& v : x) v = rounded(v);
  return x;
}

/// Whether found is what rounding gives of numbers within `tolerance` (of the largest) of the exact ones:
/// nothing looser than that, because rounding keeps order.
inline bool is_rounding_of(const std::vector<double>& found, const std::vector<double>& exact,
                           double tolerance) {
  if (found.size() != exact.size()) return false;
  double scale = 0;
  for (const double e : exact) scale = std::max(scale, e < 0 ? -e : e);
  for (std::size_t i = 0; i < exact.size(); ++i)
    if (!(rounded(exact[i] - tolerance * scale) <= found[i] &&
          found[i] <= rounded(exact[i] + tolerance * scale)))
      return false;
  return true;
}

/// The backend with a product of bf16 of its own, where it computes in host memory; itself elsewhere.
template <class B>
struct multiplying_bf16 : B {
  using B::B;
  index products = 0;  // calls so far

  template <class C>
  void gemm_bf16(trans ta, trans tb, float alpha, matrix_view<const bf16, host_space> a,
                 matrix_view<const bf16, host_space> b, float beta, matrix_view<C, host_space> c) {
    ++products;
    const index inner = ta == trans::no ? a.cols : a.rows;
    for (index j = 0; j < c.cols; ++j)
      for (index i = 0; i < c.rows; ++i) {
        float sum = 0;
        for (index k = 0; k < inner; ++k)
          sum += (ta == trans::no ? a(i, k) : a(k, i)) * (tb == trans::no ? b(k, j) : b(j, k));
        c(i, j) = static_cast<C>(alpha * sum + (beta == 0 ? 0 : beta * static_cast<float>(c(i, j))));
      }
  }
};
template <class B>
using with_products = std::conditional_t<std::same_as<typename B::space, host_space>, multiplying_bf16<B>, B>;

/// An owned matrix of bf16 in a backend's memory.
template <class B>
class bf16_matrix {
 public:
  bf16_matrix(B& be, index rows, index cols, const std::vector<double>& values)
      : be_(&be), rows_(rows), cols_(cols), buffer_(be.template allocate<bf16>(rows * cols)) {
    std::vector<bf16> host;
    for (const double v : values) host.push_back(bf16(v));
    be_->upload(make_view<host_space, const bf16>(host.data(), rows_, cols_), (*this)());
    be_->wait();
  }

  matrix_view<bf16, typename B::space> operator()() const {
    return {buffer_.all().data, rows_, cols_, rows_};
  }
  std::vector<bf16> bits() const {
    std::vector<bf16> host(static_cast<std::size_t>(rows_ * cols_));
    be_->download(as_const((*this)()), make_view(host.data(), rows_, cols_));
    be_->wait();
    return host;
  }
  std::vector<double> get() const {
    std::vector<double> out;
    for (const bf16 x : bits()) out.push_back(static_cast<double>(x));
    return out;
  }

 private:
  B* be_;
  index rows_, cols_;
  decltype(std::declval<B&>().template allocate<bf16>(index{})) buffer_;
};

}  // namespace ssl::test
