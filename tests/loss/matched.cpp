#include "ssl/loss/matched.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

using match = std::pair<index, index>;

/// Position p of the first map with its nearest in the second, and of all the `kept` closest, in order.
/// `rows` numbers a column; columns of a map lie one after the other.
std::vector<match> matches_of(const double* a, const double* b, index rows, index positions, index kept) {
  std::vector<std::pair<double, match>> all;
  for (index p = 0; p < positions; ++p) {
    std::pair<double, index> best{1e300, 0};
    for (index q = 0; q < positions; ++q) {
      double squared = 0;
      for (index i = 0; i < rows; ++i) squared += std::pow(a[p * rows + i] - b[q * rows + i], 2);
      best = std::min(best, {squared, q});
    }
    all.push_back({best.first, {p, best.second}});
  }
  std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) {
    return x < y;  // ties by position
  });
  all.resize(static_cast<std::size_t>(kept <= 0 ? positions : std::min(kept, positions)));
  std::vector<match> out;
  for (const auto& m : all) out.push_back(m.second);
  std::sort(out.begin(), out.end());
  return out;
}

/// VICReg with averaged terms on the matches of two views, one way.
template <class S>
S one_way(const naive::embeddings<S>& z, const std::vector<double>& near, index rows, index positions,
          index v, index w, index kept) {
  const index images = z.shape.samples / positions, c = z.shape.features;
  std::vector<std::vector<match>> of;
  for (index j = 0; j < images; ++j)
    of.push_back(matches_of(near.data() + (v * z.shape.samples + j * positions) * rows,
                            near.data() + (w * z.shape.samples + j * positions) * rows, rows, positions,
                            kept));
  S total{};
  for (std::size_t k = 0; k < of[0].size(); ++k) {
    const batch_shape shape{c, images, 2};
    naive::embeddings<S> e{std::vector<S>(static_cast<std::size_t>(c * images * 2)), shape};
    for (index j = 0; j < images; ++j)
      for (index i = 0; i < c; ++i) {
        const match m = of[static_cast<std::size_t>(j)][k];
        e(0, i, j) = z(v, i, j * positions + m.first);
        e(1, i, j) = z(w, i, j * positions + m.second);
      }
    total += 25.0 * naive::invariance(e) + 25.0 * naive::variance(e) + naive::covariance(e, over_views::mean);
  }
  return total / static_cast<double>(of[0].size());
}

template <class S>
S local(const naive::embeddings<S>& z, const std::vector<double>& near, index rows, index positions,
        index forth, index back) {
  S total{};
  double directions = 0;
  for (index v = 0; v < 2; ++v)
    for (index w = v + 1; w < z.shape.views; ++w, directions += 2)
      total += one_way(z, near, rows, positions, v, w, forth) + one_way(z, near, rows, positions, w, v, back);
  return total / directions;
}

std::vector<double> some_places(batch_shape shape) {
  auto places = normals(2 * shape.columns(), 8);
  for (double& x : places) x = static_cast<double>(static_cast<float>(x));
  return places;
}

/// Four positions, five images, and so on; the last with three views.
constexpr std::pair<batch_shape, index> maps[] = {
    {{3, 20, 2}, 4}, {{7, 9, 2}, 3}, {{4, 12, 3}, 6}, {{5, 4, 2}, 1}};

template <class B>
constexpr double accuracy = by_scalar<B>(2e-5, 1e-11);

}  // namespace

TEST_CASE_TEMPLATE("loss/matched: nearest features of every position, both ways, a batch for each match", B,
                   SSL_BACKENDS) {
  for (const auto& map : maps)
    for (const index kept : {index{0}, index{2}}) {
      const batch_shape shape = map.first;
      const index positions = map.second;
      INFO(to_string(shape, gram_side::automatic) << ", " << positions << " positions, " << kept << " kept");
      const auto z = test_embeddings(shape);
      const auto loss = matched(vicreg_vicregl(), positions, nearness::features, kept, kept == 0 ? 0 : 1);
      const auto definition = [&](const auto& e) {
        return local(e, z, e.shape.features, positions, kept, kept == 0 ? 0 : 1);
      };
      check_held<B>(loss, definition, z, shape, {}, accuracy<B>);
      if constexpr (std::is_same_v<typename B::scalar, double>)
        CHECK(relative_error(
                  evaluate_loss<B>(loss, z, shape).gradient,
                  finite_difference(
                      [&](const std::vector<double>& x) { return evaluate_loss<B>(loss, x, shape).total; },
                      z)) < 1e-6);
    }
}

TEST_CASE_TEMPLATE("loss/matched: nearest places, the closest of them kept", B, SSL_BACKENDS) {
  for (const auto& map : maps) {
    const batch_shape shape = map.first;
    const index positions = map.second;
    const auto z = test_embeddings(shape), places = some_places(shape);
    const auto definition = [&](const auto& e) { return local(e, places, 2, positions, 3, 2); };
    check_held<B>(matched(vicreg_vicregl(), positions, nearness::places, 3, 2), definition, z, shape,
                  {.places = places}, accuracy<B>);
  }
}

TEST_CASE_TEMPLATE("loss/matched: equal maps agree: nothing pulls, and every position keeps itself", B,
                   SSL_BACKENDS) {
  const batch_shape shape{4, 12, 2};
  auto z = test_embeddings({4, 12, 1});
  z.insert(z.end(), z.begin(), z.end());
  const outcome found = evaluate_loss<B>(matched(vicreg_vicregl(), 3), z, shape);
  CHECK(found.terms[0] == 0.0);
}

TEST_CASE_TEMPLATE("loss/matched: equally near positions give the first", B, SSL_BACKENDS) {
  // Both positions of the second map are as near to those of the first.
  const std::vector<double> z{0, 0, 4, 4, 1, -1, 5, 3};
  const outcome found = evaluate_loss<B>(matched(invariance{}, 2), z, {1, 4, 2});
  CHECK(found.total == doctest::Approx(1.0));
  const auto definition = [&](const auto& e) {
    using S = std::decay_t<decltype(e(0, 0, 0))>;
    S total{};
    for (index image = 0; image < 2; ++image)
      for (index p = 0; p < 2; ++p) {
        const S forth = e(0, 0, 2 * image + p) - e(1, 0, 2 * image),
                back = e(1, 0, 2 * image + p) - e(0, 0, 2 * image);
        total += (forth * forth + back * back) / 8.0;
      }
    return total;
  };
  CHECK(relative_error(found.gradient, naive::gradient(definition, z, {1, 4, 2})) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/matched: VICRegL's local criterion is both matchings, term by term", B,
                   SSL_BACKENDS) {
  const batch_shape shape{3, 100, 2};
  const auto z = test_embeddings(shape), places = some_places(shape);
  const outcome found = evaluate_beside<B>(vicregl_local(25), z, shape, {.places = places});
  REQUIRE(found.terms.size() == 6);
  const naive::embeddings<double> e{z, shape};
  CHECK(found.total ==
        doctest::Approx(local(e, z, 3, 25, 0, 0) + local(e, places, 2, 25, 20, 4)).epsilon(accuracy<B>));
}

TEST_CASE("loss/matched: columns that are no positions of two images are told, and so are missing places") {
  using B = backend<double>;
  const auto z = test_embeddings({3, 6, 2});
  CHECK_THROWS_WITH_AS(evaluate_loss<B>(matched(invariance{}, 4), z, {3, 6, 2}),
                       "ssl::matched: a view has 6 columns; they must be 4 positions of at least 2 images",
                       shape_error);
  CHECK_THROWS_WITH_AS(evaluate_loss<B>(matched(invariance{}, 6), z, {3, 6, 2}),
                       "ssl::matched: a view has 6 columns; they must be 6 positions of at least 2 images",
                       shape_error);
  CHECK_THROWS_WITH_AS(evaluate_loss<B>(matched(invariance{}, 3, nearness::places), z, {3, 6, 2}),
                       "ssl::matched: the places are 0x0; they must be 2x12", shape_error);
  CHECK(evaluate_loss<B>(matched(invariance{}, 2), test_embeddings({3, 4, 1}), {3, 4, 1}).total == 0.0);
}

}  // namespace ssl::test
