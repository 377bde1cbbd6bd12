// One step of a linear probe in slices of 64 samples, blocks of eight and lanes of sixteen features, against
// soft-max regression by its formula; and its update, in runs of 8192 numbers.

#include <cmath>

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/eval/probe_slices.hpp"

namespace ssl::test {
namespace {

using detail::probe_shape;

template <class T>
void check_gradient(int threads, probe_shape shape, index m, bool scaled) {
  CAPTURE(threads);
  CAPTURE(shape.d);
  CAPTURE(shape.classes);
  CAPTURE(m);
  CAPTURE(scaled);
  plain_products<T> be(threads);
  const index d = shape.d, classes = shape.classes, deep = shape.deep(), all = m + 3, begin = 2;
  const auto x = integers<T>(d * all, 1);
  const auto weight = integers<T>(d * classes, 2), bias = integers<T>(classes, 3);
  std::vector<std::int32_t> labels, order;
  for (index j = 0; j < all; ++j) {
    labels.push_back(static_cast<std::int32_t>(j * 5 % classes));
    order.push_back(static_cast<std::int32_t>((j * 7 + 1) % all));
  }
  std::vector<double> mean(static_cast<std::size_t>(d), scaled ? 0.5 : 0.0),
      factor(mean.size(), scaled ? 0.25 : 1.0);
  std::vector<T> params(static_cast<std::size_t>(shape.size()), T{0});
  for (index c = 0; c < classes; ++c) {
    for (index i = 0; i < d; ++i)  // scores of a few units
      params[static_cast<std::size_t>(c * deep + i)] = weight[static_cast<std::size_t>(c * d + i)] / T{16};
    params[static_cast<std::size_t>(deep * shape.wide() + c)] = bias[static_cast<std::size_t>(c)] / T{8};
  }
  const index slices = (m + probe_shape::slice - 1) / probe_shape::slice;
  fenced<T> partial(shape.size(), slices,
                    std::vector<T>(static_cast<std::size_t>(shape.size() * slices), T{5})),
      work(shape.work(), slices, std::vector<T>(static_cast<std::size_t>(shape.work() * slices), T{5}));
  fenced<double> loss(1, slices, std::vector<double>(static_cast<std::size_t>(slices), 0.0));
  for_each_column(be, slices,
                  detail::probe_slice<T>{shape,
                                         make_view<host_space, const T>(x.data(), d, all),
                                         make_view<host_space, const std::int32_t>(labels.data(), 1, all),
                                         make_view<host_space, const std::int32_t>(order.data(), 1, all),
                                         {make_view<host_space, const double>(mean.data(), d, 1),
                                          make_view<host_space, const double>(factor.data(), d, 1)},
                                         scaled,
                                         begin,
                                         m,
                                         params.data(),
                                         partial(),
                                         work(),
                                         loss()});

  std::vector<double> expected(params.size(), 0.0);
  double expected_loss = 0, found_loss = 0;
  for (index j = begin; j < begin + m; ++j) {
    const index sample = order[static_cast<std::size_t>(j)], label = labels[static_cast<std::size_t>(sample)];
    std::vector<double> y, s;
    for (index i = 0; i < d; ++i)
      y.push_back((static_cast<double>(x[static_cast<std::size_t>(i + sample * d)]) - (scaled ? 0.5 : 0)) *
                  (scaled ? 0.25 : 1));
    double sum = 0;
    for (index c = 0; c < classes; ++c) {
      double score = static_cast<double>(params[static_cast<std::size_t>(deep * shape.wide() + c)]);
      for (index i = 0; i < d; ++i)
        score += static_cast<double>(params[static_cast<std::size_t>(c * deep + i)]) *
                 y[static_cast<std::size_t>(i)];
      s.push_back(score);
      sum += std::exp(score);
    }
    expected_loss += (std::log(sum) - s[static_cast<std::size_t>(label)]) / static_cast<double>(all);
    for (index c = 0; c < classes; ++c) {
      const double slope =
          (std::exp(s[static_cast<std::size_t>(c)]) / sum - (c == label ? 1 : 0)) / static_cast<double>(m);
      for (index i = 0; i < d; ++i)
        expected[static_cast<std::size_t>(c * deep + i)] += slope * y[static_cast<std::size_t>(i)];
      expected[static_cast<std::size_t>(deep * shape.wide() + c)] += slope;
    }
  }
  std::vector<T> found(params.size(), T{0});
  for (index s = 0; s < slices; ++s) {
    for (index i = 0; i < shape.size(); ++i) found[static_cast<std::size_t>(i)] += partial.read()(i, s);
    found_loss += loss.read()(0, s);
  }
  // What fills up features and classes stays exactly 0; scores of some units move a soft-max by that many
  // roundings.
  const double eps = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53, bound = 100 * eps;
  bool padding = true;
  for (index c = 0; c < shape.wide(); ++c)
    for (index i = c < classes ? d : 0; i < deep; ++i)
      padding = padding && found[static_cast<std::size_t>(c * deep + i)] == T{0};
  for (index k = deep * shape.wide() + classes; k < shape.size(); ++k)
    padding = padding && found[static_cast<std::size_t>(k)] == T{0};
  CHECK(first_beyond(found, expected, bound) == -1);
  CHECK(std::abs(found_loss - expected_loss) <= bound);
  CHECK((padding && partial.intact() && work.intact() && loss.intact()));
}

template <class T>
void check_update(int threads, index size, index slices, bool nesterov) {
  CAPTURE(threads);
  CAPTURE(size);
  CAPTURE(slices);
  plain_products<T> be(threads);
  const auto g = integers<T>(size * slices, 1);
  const fenced<T> partial(size, slices, g);
  auto w = integers<T>(size, 2), v = integers<T>(size, 3), expected_w = w, expected_v = v;
  for (std::size_t k = 0; k < w.size(); ++k) {
    T sum = 0;
    for (std::size_t s = 0; s < static_cast<std::size_t>(slices); ++s) sum += g[k + s * w.size()];
    const T u = sum + T{0.25} * w[k];
    expected_v[k] = T{0.5} * v[k] + u;
    expected_w[k] -= T{0.5} * (nesterov ? u + T{0.5} * expected_v[k] : expected_v[k]);
  }
  using update = detail::probe_update<T>;
  for_each_column(be, (size + update::run - 1) / update::run,
                  update{make_view(w.data(), size, 1), make_view(v.data(), size, 1), partial.read(), T{0.5},
                         T{0.5}, T{0.25}, nesterov});
  CHECK((first_difference(w, expected_w) == -1 && first_difference(v, expected_v) == -1));
}

}  // namespace

TEST_CASE_TEMPLATE(
    "kernels/probe: gradients for every number of features, classes and samples around the blocks", T, float,
    double) {
  int shapes = 0;
  for (const index d : sizes(18, {32, 48}))
    for (const index classes : {2, 3, 15, 16, 17, 33})
      for (const bool scaled : {false, true}) {
        check_gradient<T>(1, {d, classes}, 9, scaled);
        ++shapes;
      }
  for (const index m : sizes(18, {24, 64, 128}))
    for (const index d : {7, 16}) {
      check_gradient<T>(1, {d, 5}, m, false);
      ++shapes;
    }
  for (const int threads : thread_counts)
    for (const index m : {320, 321, 1023}) {
      check_gradient<T>(threads, {16, 3}, m, false);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/probe: updates of every size around the strips and runs", T, float, double) {
  int shapes = 0;
  for (const bool nesterov : {false, true}) {
    for (const index size : sizes(20, {64, 128, 8192, 2 * 8192}))
      for (const index slices : {1, 2, 5}) {
        check_update<T>(1, size, slices, nesterov);
        ++shapes;
      }
    for (const int threads : thread_counts) {
      check_update<T>(threads, 5 * 8192 + 17, 3, nesterov);
      ++shapes;
    }
  }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
