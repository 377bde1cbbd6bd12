// Tiles of sixteen tokens against plain loops, and attention and its gradients against the definition.

#include <cmath>

#include "kernels/sweep.hpp"
#include "ssl/backend/eigen.hpp"
#include "ssl/nn/self_attention.hpp"

namespace ssl::test {
namespace {

constexpr index lanes = detail::tile_lanes;

/// Softmax attention of n images and its gradients, in double, token by token.
struct attention_by_definition {
  index heads, width, tokens, images;
  std::vector<double> y, dx;

  attention_by_definition(index h, index w, index t, index n, const std::vector<double>& x,
                          const std::vector<double>& dy)
      : heads(h), width(w), tokens(t), images(n), y(dy.size(), 0.0), dx(x.size(), 0.0) {
    const index c = heads * width;
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    for (index image = 0; image < images; ++image)
      for (index head = 0; head < heads; ++head) {
        const auto in = [&](index part, index token, index i) {
          return static_cast<std::size_t>((image * tokens + token) * 3 * c + part * c + head * width + i);
        };
        const auto out = [&](index token, index i) {
          return static_cast<std::size_t>((image * tokens + token) * c + head * width + i);
        };
        for (index q = 0; q < tokens; ++q) {
          std::vector<double> a, da;
          double top = -1e300, sum = 0, mean = 0;
          for (index k = 0; k < tokens; ++k) {
            double score = 0;
            for (index i = 0; i < width; ++i) score += x[in(0, q, i)] * x[in(1, k, i)];
            a.push_back(scale * score);
            top = std::max(top, a.back());
          }
          for (double& e : a) sum += e = std::exp(e - top);
          for (double& e : a) e /= sum;
          for (index k = 0; k < tokens; ++k) {
            const double share = a[static_cast<std::size_t>(k)];
            double inner = 0;
            for (index i = 0; i < width; ++i) {
              y[out(q, i)] += share * x[in(2, k, i)];
              dx[in(2, k, i)] += share * dy[out(q, i)];
              inner += dy[out(q, i)] * x[in(2, k, i)];
            }
            da.push_back(inner);
            mean += share * inner;
          }
          for (index k = 0; k < tokens; ++k) {
            const double slope =
                scale * a[static_cast<std::size_t>(k)] * (da[static_cast<std::size_t>(k)] - mean);
            for (index i = 0; i < width; ++i) {
              dx[in(0, q, i)] += slope * x[in(1, k, i)];
              dx[in(1, k, i)] += slope * x[in(0, q, i)];
            }
          }
        }
      }
  }
};

template <class T>
void check_attention(int threads, index heads, index width, index tokens, index images) {
  CAPTURE(threads);
  CAPTURE(heads);
  CAPTURE(width);
  CAPTURE(tokens);
  using backend = eigen_backend<T>;
  workspace<backend> work{backend(threads)};
  auto ctx = work.ctx();
  const self_attention layer{heads};
  const index c = heads * width, columns = tokens * images;
  const image_shape in{3 * c, 1, tokens};
  auto xs = integers<double>(3 * c * columns, 1), dys = integers<double>(c * columns, 2);
  for (double& v : xs) v /= 2;
  const attention_by_definition expected(heads, width, tokens, images, xs, dys);
  const fenced<T> x(3 * c, columns, {xs.begin(), xs.end()}), dy(c, columns, {dys.begin(), dys.end()});
  fenced<T> y(c, columns, std::vector<T>(dys.size())), dx(3 * c, columns, std::vector<T>(xs.size()));
  std::vector<T> tape(static_cast<std::size_t>(layer.tape(in, images)));
  pass<backend, T> p;
  p.x = x.read();
  p.y = y();
  p.dy = dy.read();
  p.dx = dx();
  p.tape = make_view(tape.data(), static_cast<index>(tape.size()), 1);
  layer.forward(ctx, in, images, p);
  layer.backward(ctx, in, images, p);
  // Entries of about 3 from sums of shares: some tens of roundings.
  const double bound = (sizeof(T) == 4 ? 1e-5 : 1e-14) * static_cast<double>(width + 4);
  CHECK(first_beyond(y.get(), expected.y, bound) == -1);
  CHECK(first_beyond(dx.get(), expected.dx, 3 * bound) == -1);
  CHECK((y.intact() && dx.intact()));
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/attention: tiles are loaded and stored for any number of columns", T, float,
                   double) {
  int shapes = 0;
  for (const index rows : sizes(20, {32}))
    for (index columns = 1; columns <= lanes; ++columns, ++shapes) {
      const auto x = integers<T>(rows * columns, 1);
      const fenced<T> from(rows, columns, x);
      std::vector<T> tile(static_cast<std::size_t>(rows * lanes + 1), T{99}), expected(tile), factor;
      for (index e = 0; e < lanes; ++e) {
        factor.push_back(static_cast<T>(e + 1));
        for (index i = 0; i < rows; ++i)
          expected[static_cast<std::size_t>(i * lanes + e)] =
              e < columns ? 2 * x[static_cast<std::size_t>(i + e * rows)] : T{0};
      }
      detail::load_tile(serial_team{}, rows, from.read().data, from.read().ld, columns, T{2}, tile.data());
      CHECK(tile == expected);
      fenced<T> to(rows, columns, std::vector<T>(x.size()));
      detail::store_tile(serial_team{}, rows, tile.data(), factor.data(), to().data, to().ld, columns);
      bool right = to.intact();
      for (index e = 0; e < columns; ++e)
        for (index i = 0; i < rows; ++i)
          right = right &&
                  to.read()(i, e) == 2 * static_cast<T>(e + 1) * x[static_cast<std::size_t>(i + e * rows)];
      CHECK(right);
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/attention: folds and products of tiles for any number of rows", T, float,
                   double) {
  int shapes = 0;
  for (const index rows : sizes(36, {48, 64}))
    for (const index depth : sizes(6, {16})) {
      ++shapes;
      CAPTURE(rows);
      CAPTURE(depth);
      const auto x = integers<T>(depth * lanes, 1), m = integers<T>(rows * depth, 2),
                 t = integers<T>(rows * lanes, 3);
      std::vector<T> products(static_cast<std::size_t>(rows * lanes + 1), T{99}), expected(products), turned;
      std::vector<T> sums(lanes), tops(lanes, T{-9}),
          part(static_cast<std::size_t>((rows + 15) / 16 * lanes)), found(lanes);
      for (index e = 0; e < lanes; ++e)
        for (index i = 0; i < rows; ++i) {
          T sum = 0;
          for (index j = 0; j < depth; ++j)
            sum += m[static_cast<std::size_t>(i + j * rows)] * x[static_cast<std::size_t>(j * lanes + e)];
          expected[static_cast<std::size_t>(i * lanes + e)] = sum;
          const auto lane = static_cast<std::size_t>(e);
          sums[lane] += t[static_cast<std::size_t>(i * lanes + e)];
          tops[lane] = std::max(tops[lane], t[static_cast<std::size_t>(i * lanes + e)]);
        }
      for (index i = 0; i < rows; ++i)
        for (index j = 0; j < depth; ++j) turned.push_back(m[static_cast<std::size_t>(i + j * rows)]);
      detail::multiply_tile(serial_team{}, rows, depth, m.data(), index{1}, rows, x.data(), products.data());
      CHECK(products == expected);
      std::fill(products.begin(), products.end(), T{99});
      detail::multiply_tile(serial_team{}, rows, depth, turned.data(), depth, index{1}, x.data(),
                            products.data());
      CHECK(products == expected);
      detail::fold_lanes(serial_team{}, rows, t.data(), fn::plus{}, part.data(), found.data());
      CHECK(found == sums);
      detail::fold_lanes(serial_team{}, rows, t.data(), fn::maximum{}, part.data(), found.data());
      CHECK(found == tops);
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/attention: outputs and gradients of any number of tokens", T, float, double) {
  int shapes = 0;
  for (const index tokens : sizes(18, {32, 48}))
    for (const index width : {1, 3, 4, 5}) {
      check_attention<T>(static_cast<int>(tokens % 3) + 1, 2, width, tokens, 2);
      ++shapes;
    }
  for (const int threads : thread_counts)
    for (const index width : {15, 16, 17}) {
      check_attention<T>(threads, 3, width, 17, 3);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
