#include "ssl/core/view.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ssl/core/shape.hpp"

using namespace ssl;

using host_view = matrix_view<float, host_space>;
using host_cview = matrix_view<const float, host_space>;
using device_view = matrix_view<float, device_space>;

static_assert(MatrixView<host_view> && MatrixView<host_cview> && MatrixView<device_view>);
static_assert(std::is_convertible_v<host_view, host_cview>);
static_assert(!std::is_convertible_v<host_cview, host_view>, "a const view must stay const");
static_assert(!std::is_convertible_v<device_view, host_view>, "device memory must not reach host code");
static_assert(!std::is_convertible_v<host_view, device_view>);
static_assert(!MatrixView<std::vector<float>>);

namespace {

std::vector<float> numbers(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

}  // namespace

TEST_CASE("core/view: elements lie column after column") {
  auto values = numbers(6);
  const host_view m = make_view(values.data(), 2, 3);
  CHECK(m.rows == 2);
  CHECK(m.cols == 3);
  CHECK(m.ld == 2);
  CHECK(m.size() == 6);
  for (index j = 0; j < 3; ++j) {
    CHECK(m.column(j) == values.data() + 2 * j);
    for (index i = 0; i < 2; ++i) CHECK(m(i, j) == static_cast<float>(i + 2 * j));
  }
}

TEST_CASE("core/view: a write through a view reaches the memory, also below the leading dimension") {
  auto values = numbers(12);
  const host_view m{values.data() + 1, 2, 3, 4};  // the middle rows of a (4, 3)
  m(1, 2) = 99.0f;
  CHECK(values[1 + 1 + 2 * 4] == 99.0f);
  CHECK(values[8] == 8.0f);
  CHECK(values[11] == 11.0f);
}

TEST_CASE("core/view: a block of columns is the same memory") {
  auto values = numbers(12);
  const host_view m = make_view(values.data(), 3, 4);
  const host_view block = m.columns(1, 2);
  CHECK(block.rows == 3);
  CHECK(block.cols == 2);
  CHECK(&block(0, 0) == &m(0, 1));
  CHECK(&block(2, 1) == &m(2, 2));
  CHECK(m.columns(4, 0).size() == 0);
}

TEST_CASE("core/view: a view is contiguous without gaps between its columns, or with at most one column") {
  auto values = numbers(12);
  CHECK(make_view(values.data(), 3, 4).contiguous());
  CHECK(make_view(values.data(), 3, 4).columns(1, 2).contiguous());
  CHECK_FALSE(host_view{values.data(), 2, 3, 4}.contiguous());
  CHECK(host_view{values.data(), 2, 1, 4}.contiguous());
  CHECK(host_view{values.data(), 2, 0, 4}.contiguous());
}

TEST_CASE("core/view: a reshaped view keeps the order of the elements") {
  auto values = numbers(12);
  const host_view m = make_view(values.data(), 3, 4).reshaped(6, 2);
  CHECK(m.rows == 6);
  CHECK(m.cols == 2);
  CHECK(m(0, 1) == 6.0f);
  CHECK(m(5, 1) == 11.0f);
}

TEST_CASE("core/view: as_const and the conversion give the same read-only view") {
  auto values = numbers(6);
  const host_view m{values.data(), 2, 2, 3};
  const host_cview converted = m;
  const auto named = as_const(m);
  static_assert(std::is_same_v<decltype(named), const host_cview>);
  CHECK(converted.data == m.data);
  CHECK(named.data == m.data);
  CHECK(named.rows == 2);
  CHECK(named.cols == 2);
  CHECK(named.ld == 3);
}

TEST_CASE("core/view: shapes count pixels, values and columns") {
  constexpr image_shape image{.channels = 3, .height = 4, .width = 5};
  static_assert(image.pixels() == 20 && image.size() == 60);
  constexpr batch_shape batch{.features = 8, .samples = 16, .views = 3};
  static_assert(batch.columns() == 48);
  CHECK(image == image_shape{3, 4, 5});
  CHECK_FALSE(image == image_shape{3, 5, 4});
  CHECK(batch == batch_shape{8, 16, 3});
  CHECK_FALSE(batch == batch_shape{8, 16, 2});
}
