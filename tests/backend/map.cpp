// The verb `map` against plain loops.

#include "block.hpp"

namespace ssl::test {
namespace {

struct twice_plus {  // 2 x + y
  template <class T>
  SSL_FN T operator()(T x, T y) const {
    return T{2} * x + y;
  }
};

struct place_plus {  // x + 100 i + j
  template <class T>
  SSL_FN T operator()(index i, index j, T x) const {
    return x + static_cast<T>(100 * i + j);
  }
};

template <class T>
struct place {  // 100 i + j
  SSL_FN T operator()(index i, index j) const { return static_cast<T>(100 * i + j); }
};

template <class B>
struct upside_down {  // column j of another matrix, from the bottom
  cview<B> from;
  SSL_FN typename B::scalar operator()(index i, index j) const { return from(from.rows - 1 - i, j); }
};

struct sum_of_four {
  template <class T>
  SSL_FN T operator()(T a, T b, T c, T d) const {
    return a + b + c + d;
  }
};

const extent shapes[] = {{0, 0}, {0, 3}, {3, 0}, {1, 1}, {1, 7}, {7, 1}, {17, 5}, {33, 64}, {301, 211}};

}  // namespace

TEST_CASE_TEMPLATE("backend/map: applies an elementwise functor to matrices and to blocks of matrices", B,
                   SSL_BACKENDS) {
  B be;
  for (const extent shape : shapes) {
    const index rows = shape.rows, cols = shape.cols;
    CAPTURE(rows);
    CAPTURE(cols);
    const auto a = rounded<B>(normals(rows * cols, 1)), b = rounded<B>(normals(rows * cols, 2));
    std::vector<double> expected(a.size());
    for (std::size_t k = 0; k < a.size(); ++k) expected[k] = 2 * a[k] + b[k];

    const matrix<B> x(be, rows, cols, a), y(be, rows, cols, b);
    const block<B> xb(be, rows, cols, a), yb(be, rows, cols, b);
    const matrix<B> out(be, rows, cols, a);
    const block<B> out_block(be, rows, cols, a);
    map(be, out(), twice_plus{}, x(), y());
    map(be, out_block(), twice_plus{}, xb(), yb());
    CHECK(relative_error(out.get(), expected) <= tolerance<B>);
    CHECK(relative_error(out_block.get(), expected) <= tolerance<B>);
    CHECK(out_block.intact());
    map(be, out_block(), twice_plus{}, x(), yb());  // a whole matrix and a block
    CHECK(relative_error(out_block.get(), expected) <= tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("backend/map: tells a functor its row and column if it asks", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent shape : shapes) {
    const index rows = shape.rows, cols = shape.cols;
    CAPTURE(rows);
    CAPTURE(cols);
    const auto a = rounded<B>(normals(rows * cols, 3));
    std::vector<double> moved(a.size()), places(a.size());
    for (index j = 0; j < cols; ++j)
      for (index i = 0; i < rows; ++i) {
        places[at(i, j, rows)] = static_cast<double>(100 * i + j);
        moved[at(i, j, rows)] = a[at(i, j, rows)] + places[at(i, j, rows)];
      }
    const block<B> x(be, rows, cols, a), out(be, rows, cols, a);
    map(be, out(), place_plus{}, x());
    CHECK(relative_error(out.get(), moved) <= tolerance<B>);
    map(be, out(), place<T>{});
    CHECK(out.get() == places);
    CHECK(out.intact());
  }
}

TEST_CASE_TEMPLATE("backend/map: takes no input, or four", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const auto a = rounded<B>(normals(35, 4));
  const matrix<B> x(be, 5, 7, a);
  const block<B> out(be, 5, 7, a);
  map(be, out(), sum_of_four{}, x(), x(), out(), out());
  for (std::size_t k = 0; k < a.size(); ++k)
    CHECK(out.get()[k] == doctest::Approx(4 * a[k]).epsilon(tolerance<B>));
  map(be, out(), fn::constant<T>{T{3}});
  CHECK(out.get() == std::vector<double>(35, 3.0));
  CHECK(out.intact());
}

TEST_CASE_TEMPLATE("backend/map: may write over any of its inputs", B, SSL_BACKENDS) {
  B be;
  for (const auto [rows, cols] : {extent{9, 5}, extent{257, 300}}) {
    const auto a = rounded<B>(normals(rows * cols, 5)), b = rounded<B>(normals(rows * cols, 6));
    std::vector<double> expected(a.size());
    for (std::size_t k = 0; k < a.size(); ++k) expected[k] = 2 * a[k] + b[k];
    const block<B> first(be, rows, cols, a), second(be, rows, cols, b);
    map(be, second(), twice_plus{}, first(), second());
    CHECK(relative_error(second.get(), expected) <= tolerance<B>);
    const block<B> again(be, rows, cols, b);
    map(be, first(), twice_plus{}, first(), again());
    CHECK(relative_error(first.get(), expected) <= tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("backend/map: lets a functor read a matrix that it carries", B, SSL_BACKENDS) {
  B be;
  const index rows = 37, cols = 11;
  const auto a = rounded<B>(normals(rows * cols, 7));
  const block<B> x(be, rows, cols, a);
  const matrix<B> out(be, rows, cols);
  map(be, out(), upside_down<B>{x.read()});
  const auto found = out.get();
  for (index j = 0; j < cols; ++j)
    for (index i = 0; i < rows; ++i) REQUIRE(found[at(i, j, rows)] == a[at(rows - 1 - i, j, rows)]);
}

TEST_CASE_TEMPLATE("backend/map: casts between the scalar and double", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const auto a = rounded<B>(normals(91, 8));
  const matrix<B> x(be, 7, 13, a), back(be, 7, 13);
  const doubles<B> wide(be, 7, 13, std::vector<double>(91));
  map(be, wide(), fn::cast<double>{}, x());
  CHECK(wide.get() == a);
  map(be, back(), fn::cast<T>{}, wide.read());
  CHECK(back.get() == a);
}

TEST_CASE_TEMPLATE("backend/map: copy and fill are maps", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const auto a = rounded<B>(normals(12, 9));
  const matrix<B> x(be, 3, 4, a);
  const block<B> out(be, 3, 4, a);
  fill(be, out(), T{2});
  CHECK(out.get() == std::vector<double>(12, 2.0));
  copy(be, x(), out());
  CHECK(out.get() == a);
  CHECK(out.intact());
}

}  // namespace ssl::test
