#include "ssl/loss/second_moment.hpp"

#include <utility>

#include "support/losses.hpp"

namespace ssl::test {
namespace {

struct moment_outcome {
  double off_diagonal = 0, square = 0;
  std::vector<double> diagonal, off_diagonal_product, product;
  gram_side side = gram_side::automatic;
};

template <class B>
moment_outcome evaluate_moment(const std::vector<double>& x, index d, index n, gram_side side) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> in(be, d, n, x);
  matrix<B> off(be, d, n, std::vector<double>(x.size())), all(be, d, n, std::vector<double>(x.size()));
  moment_outcome out;
  scratch_scope scope(ctx);
  const second_moment<B> m(ctx, in.read(), side);
  const auto values = ctx.take_accumulator(1, 2);
  fill(be, values, 0.0);
  m.add_off_diagonal(ctx, 1.0, values.columns(0, 1));
  m.add_square(ctx, 1.0, values.columns(1, 1));
  m.add_off_diagonal_product(ctx, 1.0, off());
  m.add_product(ctx, 1.0, all());
  double host[2];
  be.download(as_const(values), make_view(host, 1, 2));
  out.diagonal.resize(static_cast<std::size_t>(d));
  be.download(m.diagonal(), make_view(out.diagonal.data(), d, 1));
  be.wait();
  out.off_diagonal = host[0];
  out.square = host[1];
  out.off_diagonal_product = off.get();
  out.product = all.get();
  out.side = m.side();
  return out;
}

/// The same from M = x x^T itself, in double.
moment_outcome by_definition(const std::vector<double>& x, index d, index n) {
  const auto at = [&](index i, index j) { return x[static_cast<std::size_t>(j * d + i)]; };
  moment_outcome out;
  out.off_diagonal_product.assign(x.size(), 0.0);
  out.product.assign(x.size(), 0.0);
  for (index i = 0; i < d; ++i)
    for (index k = 0; k < d; ++k) {
      double m = 0;
      for (index j = 0; j < n; ++j) m += at(i, j) * at(k, j);
      out.square += m * m;
      if (i == k) out.diagonal.push_back(m);
      if (i != k) out.off_diagonal += m * m;
      for (index j = 0; j < n; ++j) {
        out.product[static_cast<std::size_t>(j * d + i)] += m * at(k, j);
        if (i != k) out.off_diagonal_product[static_cast<std::size_t>(j * d + i)] += m * at(k, j);
      }
    }
  return out;
}

/// The error of row i relative to that row: a loud feature must not hide a wrong quiet one.
double row_error(const std::vector<double>& found, const std::vector<double>& expected, index d, index i) {
  std::vector<double> a, b;
  for (std::size_t k = static_cast<std::size_t>(i); k < found.size(); k += static_cast<std::size_t>(d)) {
    a.push_back(found[k]);
    b.push_back(expected[k]);
  }
  return relative_error(a, b);
}

/// normals(d * n), with the features listed in `loud` multiplied by `factor`; every entry is a float.
std::vector<double> with_loud_features(index d, index n, const std::vector<index>& loud, double factor) {
  auto x = normals(d * n, 17);
  for (const index i : loud)
    for (index j = 0; j < n; ++j) {
      double& entry = x[static_cast<std::size_t>(j * d + i)];
      entry = static_cast<double>(static_cast<float>(entry * factor));
    }
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/second_moment: both sides equal the definition", B, SSL_BACKENDS) {
  for (const std::pair<index, index>& size :
       {std::pair<index, index>{3, 7}, {7, 3}, {8, 8}, {9, 5}, {20, 6}, {1, 4}, {64, 33}}) {
    const index d = size.first, n = size.second;
    const auto x = normals(d * n, 3);
    const moment_outcome expected = by_definition(x, d, n);
    for (const gram_side side : both_sides) {
      INFO(d << " x " << n << (side == gram_side::features ? ", features" : ", samples"));
      const moment_outcome found = evaluate_moment<B>(x, d, n, side);
      CHECK(found.side == side);
      CHECK(relative_error(found.diagonal, expected.diagonal) < 1e-12);
      if (d == 1) {
        CHECK(found.off_diagonal == 0.0);
      } else {
        CHECK(found.off_diagonal == doctest::Approx(expected.off_diagonal).epsilon(tolerance<B>));
        CHECK(relative_error(found.off_diagonal_product, expected.off_diagonal_product) < tolerance<B>);
      }
      CHECK(found.square == doctest::Approx(expected.square).epsilon(tolerance<B>));
      CHECK(relative_error(found.product, expected.product) < tolerance<B>);
    }
  }
}

TEST_CASE_TEMPLATE("loss/second_moment: the automatic side is the smaller matrix", B, SSL_BACKENDS) {
  CHECK(evaluate_moment<B>(normals(15, 1), 3, 5, gram_side::automatic).side == gram_side::features);
  CHECK(evaluate_moment<B>(normals(15, 1), 5, 3, gram_side::automatic).side == gram_side::samples);
  CHECK(evaluate_moment<B>(normals(16, 1), 4, 4, gram_side::automatic).side == gram_side::features);
}

TEST_CASE_TEMPLATE("loss/second_moment: a feature ten thousand times the others costs no digits", B,
                   SSL_BACKENDS) {
  const index d = 40, n = 8;
  const auto x = with_loud_features(d, n, {13}, 1e4);
  const moment_outcome expected = by_definition(x, d, n);
  for (const gram_side side : both_sides) {
    const moment_outcome found = evaluate_moment<B>(x, d, n, side);
    CHECK(found.off_diagonal == doctest::Approx(expected.off_diagonal).epsilon(tolerance<B>));
    for (index i = 0; i < d; ++i)
      CHECK(row_error(found.off_diagonal_product, expected.off_diagonal_product, d, i) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/second_moment: eight loud features of different loudness cost no digits", B,
                   SSL_BACKENDS) {
  const index d = 40, n = 12;
  auto x = with_loud_features(d, n, {1, 5, 9, 13, 17, 21}, 1e3);
  for (index j = 0; j < n; ++j)
    x[static_cast<std::size_t>(j * d + 30)] *= 1024, x[static_cast<std::size_t>(j * d)] *= 64;
  const moment_outcome expected = by_definition(x, d, n);
  for (const gram_side side : both_sides) {
    const moment_outcome found = evaluate_moment<B>(x, d, n, side);
    CHECK(found.off_diagonal == doctest::Approx(expected.off_diagonal).epsilon(tolerance<B>));
    for (index i = 0; i < d; ++i)
      CHECK(row_error(found.off_diagonal_product, expected.off_diagonal_product, d, i) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/second_moment: many loud features are an even spectrum among themselves", B,
                   SSL_BACKENDS) {
  // More than are split off: the loud ones covary with each other, so the difference keeps its digits.
  const index d = 60, n = 10;
  std::vector<index> loud;
  for (index i = 3; i < 33; ++i) loud.push_back(i);
  const auto x = with_loud_features(d, n, loud, 1e3);
  const moment_outcome expected = by_definition(x, d, n);
  for (const gram_side side : both_sides) {
    const moment_outcome found = evaluate_moment<B>(x, d, n, side);
    CHECK(found.off_diagonal == doctest::Approx(expected.off_diagonal).epsilon(tolerance<B>));
    CHECK(relative_error(found.off_diagonal_product, expected.off_diagonal_product) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/second_moment: the largest off-diagonal entry may be far below the diagonal", B,
                   SSL_DOUBLE_BACKENDS) {
  // Nearly orthogonal features: the difference of squares loses what the double has to spare, the split loses
  // none.
  const index d = 6, n = 5;
  auto x = normals(d * n, 2, 1e-4);
  for (index i = 0; i < 5; ++i) x[static_cast<std::size_t>(i * d + i)] += 1;
  const moment_outcome expected = by_definition(x, d, n);
  for (const gram_side side : both_sides)
    CHECK(evaluate_moment<B>(x, d, n, side).off_diagonal ==
          doctest::Approx(expected.off_diagonal).epsilon(1e-11));
}

}  // namespace ssl::test
