// Products of a large matrix with few columns or few inner indices, against scalar products one by one.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/core/random.hpp"

namespace ssl::test {
namespace {

template <class T>
std::vector<T> normals_of(index count, std::uint64_t seed) {
  random_stream draw({seed, 0}, 0, 0, purpose::generate);
  std::vector<T> out(static_cast<std::size_t>(count));
  for (T& x : out) x = static_cast<T>(draw.normal());
  return out;
}

struct narrow_case {
  trans ta, tb;
  index m, n, k;
};

}  // namespace

TEST_CASE_TEMPLATE(
    "backend/narrow: few columns or few inner indices multiply like any others, on every thread count", T,
    float, double) {
  eigen_backend<T> one(1), three(3);
  for (const narrow_case& now : {narrow_case{trans::yes, trans::no, 2051, 5, 1029},
                                 {trans::yes, trans::yes, 1030, 48, 2050},
                                 {trans::yes, trans::no, 2048, 1, 1024},
                                 {trans::no, trans::yes, 2051, 1029, 7},
                                 {trans::no, trans::no, 1024, 2048, 16},
                                 {trans::yes, trans::yes, 1030, 2050, 1}})
    for (const double beta : {0.0, 1.0, -0.5}) {
      const trans ta = now.ta, tb = now.tb;
      const index m = now.m, n = now.n, k = now.k;
      CAPTURE(m);
      CAPTURE(n);
      CAPTURE(k);
      CAPTURE(beta);
      const index ah = ta == trans::no ? m : k, aw = ta == trans::no ? k : m;
      const index bh = tb == trans::no ? k : n, bw = tb == trans::no ? n : k;
      const index gap = 3;  // columns do not follow each other
      auto a = normals_of<T>((ah + gap) * aw, 1), b = normals_of<T>((bh + gap) * bw, 2);
      const auto c = normals_of<T>((m + gap) * n, 3);
      const auto x = matrix_view<const T, host_space>{a.data(), ah, aw, ah + gap};
      const auto y = matrix_view<const T, host_space>{b.data(), bh, bw, bh + gap};
      auto z1 = c, z3 = c;
      const auto run = [&](eigen_backend<T>& be, std::vector<T>& z) {
        const eigen_backend<T> sets_threads(be.threads());
        gemm(be, ta, tb, T{0.5}, x, y, static_cast<T>(beta),
             matrix_view<T, host_space>{z.data(), m, n, m + gap});
      };
      run(one, z1);
      run(three, z3);
      CHECK(z1 == z3);
      double worst = 0;
      for (index j = 0; j<n; j += n> 64 ? 13 : 1)
        for (index i = 0; i<m; i += m> 64 ? 7 : 1) {
          double sum = 0;
          for (index l = 0; l < k; ++l)
            sum += static_cast<double>(ta == trans::no ? x(i, l) : x(l, i)) *
                   static_cast<double>(tb == trans::no ? y(l, j) : y(j, l));
          const auto place = static_cast<std::size_t>(i + j * (m + gap));
          const double expected = 0.5 * sum + beta * static_cast<double>(c[place]);
          worst = std::max(worst, std::abs(static_cast<double>(z1[place]) - expected) /
                                      (1 + std::sqrt(static_cast<double>(k))));
        }
      CHECK(worst < (std::is_same_v<T, float> ? 3e-6 : 1e-14));
      bool gaps_kept = true;
      for (index j = 0; j < n; ++j)
        for (index i = m; i < m + gap; ++i) {
          const auto place = static_cast<std::size_t>(i + j * (m + gap));
          gaps_kept = gaps_kept && z1[place] == c[place];
        }
      CHECK(gaps_kept);
    }
}

}  // namespace ssl::test
