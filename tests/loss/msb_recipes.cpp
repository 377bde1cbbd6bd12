#include "ssl/loss/msb_recipes.hpp"

#include "ssl/loss/byol.hpp"
#include "support/targets.hpp"

namespace ssl::test {
namespace {

/// Three images, three views, four features; l counts them in this order.
template <class F>
std::vector<double> table_columns(const F& f) {
  std::vector<double> out(36);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < 4; ++j)
        out[(k * 3 + i) * 4 + j] = f(static_cast<double>((i * 3 + k) * 4 + j));
  return out;
}
std::vector<double> table_views() {
  return table_columns([](double l) { return 2 * std::sin(1 + l) + 0.3; });
}
beside table_aside() {
  beside more{.targets = table_columns([](double l) { return std::cos(0.5 + 1.3 * l) - 0.2; })};
  for (int l = 0; l < 12; ++l) more.directions.push_back(std::sin(2 + 0.7 * l));
  return more;
}
constexpr batch_shape table_shape{4, 3, 3};

constexpr centroid all_targets{.reading = centroid_reading::all_targets},
    centres{.reading = centroid_reading::centroid_to_centroid};

/// What becomes of free points under a loss: columns on the sphere, moved by `step` along minus their own
/// gradient, with targets that follow them at rate 1 - `momentum`.
struct swarm {
  static constexpr batch_shape shape{16, 48, 3};
  static constexpr double step = 0.05, momentum = 0.99;
  std::vector<double> z;

  explicit swarm(double spread = 0) {
    const auto start = normals(shape.features, 5), noise = normals(shape.features * shape.columns(), 6);
    for (index c = 0; c < shape.columns(); ++c)
      for (std::size_t i = 0; i < 16; ++i)
        z.push_back(start[i] + spread * noise[static_cast<std::size_t>(c) * 16 + i]);
    normalise();
  }
  void normalise() {
    for (index c = 0; c < shape.columns(); ++c) {
      const double length = norm_of(z, shape.features, c, 1);
      for (std::size_t i = 0; i < 16; ++i) z[static_cast<std::size_t>(c) * 16 + i] /= length;
    }
  }
  template <class B, LossTerm L>
  swarm& run(const L& loss, unsigned steps) {
    std::vector<double> t = z;
    for (unsigned s = 0; s < steps; ++s) {
      const auto gradient = evaluate_beside<B>(loss, z, shape, {.targets = t, .key = {3, s}}).gradient;
      for (std::size_t k = 0; k < z.size(); ++k)
        z[k] -= step * static_cast<double>(shape.columns()) * gradient[k];
      normalise();
      for (std::size_t k = 0; k < z.size(); ++k) t[k] = momentum * t[k] + (1 - momentum) * z[k];
    }
    return *this;
  }
  /// 1 - mean cosine of different images' first views.
  double apart() const {
    double sum = 0;
    for (std::size_t a = 0; a < 48; ++a)
      for (std::size_t b = 0; b < a; ++b) {
        double gap = 0;
        for (std::size_t i = 0; i < 16; ++i) gap += std::pow(z[a * 16 + i] - z[b * 16 + i], 2);
        sum += gap / 2;
      }
    return sum / (48 * 47 / 2);
  }
  /// Mean squared distance of views to their image's mean.
  double within() const {
    double sum = 0;
    for (std::size_t j = 0; j < 48; ++j)
      for (std::size_t i = 0; i < 16; ++i) {
        double mean = 0;
        for (std::size_t v = 0; v < 3; ++v) mean += z[(v * 48 + j) * 16 + i] / 3;
        for (std::size_t v = 0; v < 3; ++v) sum += std::pow(z[(v * 48 + j) * 16 + i] - mean, 2);
      }
    return sum / 144;
  }
  /// Directions in use, 1 to d: the participation ratio of the views' second moments, d^2 / (s1 + d).
  template <class B>
  double rank() const {
    return 256 / (evaluate_loss<B>(singular_value{}, z, shape).total + 16);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("loss/msb_recipes: the reference table's values", B, SSL_BACKENDS) {
  const double digits = by_scalar<B>(2e-6, 5e-12);
  const auto z = table_views();
  const auto more = table_aside();
  const auto value = [&](const auto& loss) { return evaluate_beside<B>(loss, z, table_shape, more).total; };
  CHECK(value(all_targets) == doctest::Approx(2.108888737709).epsilon(digits));
  CHECK(value(centroid{}) == doctest::Approx(1.990680428164).epsilon(digits));
  CHECK(value(byol{}) == doctest::Approx(1.930240063555).epsilon(digits));
  CHECK(value(centres) == doctest::Approx(1.211960785389).epsilon(digits));
  CHECK(std::abs(value(brownian{}) - 0.044208093570) < digits);
  CHECK(value(singular_value{}) == doctest::Approx(7.565663794349).epsilon(digits));

  const outcome total = evaluate_beside<B>(msbreg(), z, table_shape, more);
  CHECK(total.total == doctest::Approx(2.043047130126).epsilon(digits));
  const double first[] = {0.027341721817, -0.008212399033, 0.007834319487, 0.034096560256};
  const double last[] = {0.029236671260, 0.013313183598, 0.040373276185, 0.051937211520};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(total.gradient[i] - first[i]) < digits);
    CHECK(std::abs(total.gradient[(1 * 3 + 2) * 4 + i] - last[i]) < digits);
  }
  CHECK(norm_of(total.gradient, 4, 0, 9) == doctest::Approx(0.131010995903).epsilon(digits));
}

TEST_CASE_TEMPLATE("loss/msb_recipes: all rows in one view give the table's value of the singular term", B,
                   SSL_BACKENDS) {
  const double digits = by_scalar<B>(2e-6, 5e-12);
  CHECK(evaluate_loss<B>(singular_value{}, table_views(), {4, 9, 1}).total ==
        doctest::Approx(4.261375424752).epsilon(digits));
}

TEST_CASE_TEMPLATE("loss/msb_recipes: the squared distance to the raw centre has BYOL's gradient", B,
                   SSL_BACKENDS) {
  // |z - m|^2 = mean |z - t|^2 - (1 - |m|^2), m the mean of the other views' unit targets.
  const auto z = table_views();
  const naive::embeddings<double> u = naive::unit(naive::embeddings<double>{z, table_shape}),
                                  t = naive::unit(
                                      naive::embeddings<double>{table_aside().targets, table_shape});
  double distance = 0, loss = 0;
  for (index v = 0; v < 3; ++v)
    for (index j = 0; j < 3; ++j) {
      double length = 0;
      for (index i = 0; i < 4; ++i) {
        double mean = 0;
        for (index w = 0; w < 3; ++w) mean += w == v ? 0 : t(w, i, j) / 2;
        distance += std::pow(u(v, i, j) - mean, 2) / 9;
        length += mean * mean;
      }
      loss += (1 - length) / 9;
    }
  CHECK(distance == doctest::Approx(1.562557052799).epsilon(5e-12));
  CHECK(evaluate_beside<B>(byol{}, z, table_shape, table_aside()).total ==
        doctest::Approx(distance + loss).epsilon(tolerance<B>));
}

TEST_CASE(
    "loss/msb_recipes: names and weights as the paper has them, and the regulariser goes with any loss") {
  const auto names = term_names(msbreg());
  REQUIRE(names.size() == 3);
  CHECK(names[0] == "centroid");
  CHECK(names[1] == "singular");
  CHECK(names[2] == "brownian");
  CHECK(term_weights(msbreg())[0] == 1.0);
  CHECK(term_weights(msbreg())[1] == 0.004);
  CHECK(term_weights(msbreg())[2] == 0.5);
  CHECK(term_names(byol{} + msb_regulariser())[0] == "byol");
  CHECK(term_weights(2 * byol{} + 10 * msb_regulariser(0.1, 0.2))[2] == doctest::Approx(2));
}

TEST_CASE_TEMPLATE("loss/msb_recipes: an exact collapse stays without both dispersive terms", B,
                   SSL_DOUBLE_BACKENDS) {
  const auto stays = [](const auto& loss) {
    swarm s;
    s.run<B>(loss, 300);
    CHECK(s.rank<B>() == doctest::Approx(1.0).epsilon(1e-9));
    CHECK(s.apart() < 1e-12);
    CHECK(s.within() < 1e-12);
  };
  stays(centroid{});
  stays(centroid{} + 0.004 * singular_value{});  // a saddle
  stays(centroid{} + 0.5 * brownian{.scope = brownian_scope::batch});
}

TEST_CASE_TEMPLATE(
    "loss/msb_recipes: Brownian pushes spread images, and views only where they have their own", B,
    SSL_DOUBLE_BACKENDS) {
  swarm images, views;
  images.run<B>(centroid{} + 0.5 * brownian{}, 300);
  views.run<B>(centroid{} + 0.5 * brownian{.scope = brownian_scope::view}, 300);
  MESSAGE("per image: rank " << images.rank<B>() << ", apart " << images.apart() << ", within "
                             << images.within());
  MESSAGE("per view: rank " << views.rank<B>() << ", apart " << views.apart() << ", within "
                            << views.within());
  CHECK(images.apart() > 1e-3);
  CHECK(images.rank<B>() < 2);
  CHECK(images.within() < 1e-4);
  CHECK(views.within() > 10 * images.within());
  CHECK(views.within() > 1e-3);
  CHECK(views.apart() < images.apart());
}

TEST_CASE_TEMPLATE("loss/msb_recipes: both dispersive terms lead out of a collapse to all directions", B,
                   SSL_DOUBLE_BACKENDS) {
  swarm s;
  s.run<B>(msbreg(), 1500);
  MESSAGE("rank " << s.rank<B>() << ", apart " << s.apart() << ", within " << s.within());
  CHECK(s.rank<B>() > 15.5);
  CHECK(s.apart() > 0.9);
  CHECK(s.within() < 1e-3);
}

TEST_CASE_TEMPLATE("loss/msb_recipes: from a small spread the singular values do it alone", B,
                   SSL_DOUBLE_BACKENDS) {
  swarm s(0.01);
  s.run<B>(centroid{} + 0.004 * singular_value{}, 1500);
  MESSAGE("rank " << s.rank<B>());
  CHECK(s.rank<B>() > 15.5);
}

}  // namespace ssl::test
