#include "ssl/data/patch_corpus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

using namespace ssl;
using doctest::Approx;

namespace {

double total(std::span<const double> p) { return std::accumulate(p.begin(), p.end(), 0.0); }

/// Largest difference of two laws' tables.
double gap(const joint_law& a, const joint_law& b) {
  double most = 0;
  for (std::size_t k = 0; k < a.table().size(); ++k)
    most = std::max(most, std::abs(a.table()[k] - b.table()[k]));
  return most;
}

}  // namespace

TEST_CASE("data/patch_corpus: a law's marginals and ratios are those of its table, whatever its scale") {
  const joint_law law(3, {2, 1, 0, 1, 4, 0, 0, 0, 0});
  CHECK(law(1, 1) == Approx(0.5));
  CHECK(law.marginal(0) == Approx(0.375));
  CHECK(law.marginal(1) == Approx(0.625));
  CHECK(law.ratio(0, 1) == Approx(0.125 / (0.375 * 0.625)));
  CHECK(law.ratio(2, 2) == 0);  // never seen
  CHECK(law.ratios()[1] == law.ratio(1, 0));
}

TEST_CASE("data/patch_corpus: a table that is no law is told in a sentence") {
  CHECK_THROWS_WITH_AS(joint_law(2, {1, 2, 3}),
                       "ssl::joint_law: the table has 3 numbers for 2 types, expected types * types >= 1",
                       shape_error);
  CHECK_THROWS_WITH_AS(joint_law(1, {0}),
                       "ssl::joint_law: the table is 0 everywhere, expected a positive sum", option_error);
  CHECK_THROWS_AS(joint_law(2, {1, -1, -1, 1}), option_error);
  CHECK_THROWS_AS(joint_law(1, {std::numeric_limits<double>::infinity()}), option_error);
  CHECK_THROWS_WITH_AS(joint_law(2, {1, 2, 3, 1}),
                       "ssl::joint_law: entry (0, 1) is 3.000000, its mirror is 2.000000; the law of a pair "
                       "must be symmetric",
                       option_error);
  CHECK_THROWS_AS(pair_counts(0), option_error);
  CHECK_THROWS_AS(pair_counts(2).law(), option_error);
}

TEST_CASE("data/patch_corpus: counts hold both orders of each pair of places") {
  pair_counts counts(3);
  const int patches[] = {0, 2, 2};
  counts.add_image<int>(patches);
  CHECK(counts.total() == 6);
  CHECK(counts(0, 2) == 2);
  CHECK(counts(2, 0) == 2);
  CHECK(counts(2, 2) == 2);
  CHECK(counts(1, 1) == 0);
  CHECK(counts.law().marginal(2) == Approx(4.0 / 6));
}

TEST_CASE("data/patch_corpus: the joint law is the mixture over scenes of independent patches") {
  // Two scenes of 3 : 1, the second without type 0.
  const patch_corpus corpus(2, {3, 1}, {1, 1, 0, 5});
  const joint_law law = corpus.joint();
  CHECK(law(0, 0) == Approx(0.75 * 0.25));
  CHECK(law(0, 1) == Approx(0.75 * 0.25));
  CHECK(law(1, 1) == Approx(0.75 * 0.25 + 0.25));
  CHECK(law.marginal(1) == Approx(0.75 * 0.5 + 0.25));
}

TEST_CASE("data/patch_corpus: pairs that are drawn occur as the joint law says") {
  const index draws = 200000;
  for (const patch_corpus& corpus : {scene_corpus(12, 5), ring_corpus(12)}) {
    pair_counts counts(12);
    std::vector<double> scenes(static_cast<std::size_t>(corpus.scenes()));
    for (index n = 0; n < draws; ++n) {
      index both[2];
      ++scenes[static_cast<std::size_t>(corpus.image({7, 1}, n, both))];
      counts.add(both[0], both[1]);
    }
    // Six standard errors of the most likely entry.
    const joint_law law = corpus.joint();
    const double likely = *std::max_element(law.table().begin(), law.table().end());
    CHECK(gap(counts.law(), law) < 6 * std::sqrt(likely / draws));
    for (index c = 0; c < corpus.scenes(); ++c)
      CHECK(scenes[static_cast<std::size_t>(c)] / draws == Approx(corpus.scene(c)).epsilon(0.1));
  }
}

TEST_CASE("data/patch_corpus: types without probability are never drawn") {
  const patch_corpus corpus(5, {1, 0}, {0, 1, 0, 1, 0, 1, 1, 1, 1, 1});
  index seen[5] = {};
  for (index n = 0; n < 4000; ++n) {
    index patches[2];
    CHECK(corpus.image({3, 0}, n, patches) == 0);
    ++seen[patches[0]], ++seen[patches[1]];
  }
  CHECK(seen[1] + seen[3] == 8000);
}

TEST_CASE(
    "data/patch_corpus: an image is a function of seed, epoch and number, more patches continue fewer") {
  const patch_corpus corpus = scene_corpus(40, 6, 2, 5);
  index few[2], many[9], other[9];
  const index scene = corpus.image({5, 2}, 17, few);
  CHECK(corpus.image({5, 2}, 17, many) == scene);
  CHECK(few[0] == many[0]);
  CHECK(few[1] == many[1]);
  CHECK(corpus.pair({5, 2}, 17) == patch_pair{few[0], few[1]});
  int changed = 0;
  for (const rng_key key : {rng_key{6, 2}, rng_key{5, 3}}) {
    corpus.image(key, 17, other);
    changed += !std::equal(std::begin(many), std::end(many), std::begin(other));
  }
  corpus.image({5, 2}, 18, other);
  changed += !std::equal(std::begin(many), std::end(many), std::begin(other));
  CHECK(changed == 3);
  CHECK(gap(corpus.joint(), scene_corpus(40, 6, 2, 5).joint()) == 0);
  CHECK(gap(corpus.joint(), scene_corpus(40, 6, 2, 6).joint()) > 0);
}

TEST_CASE("data/patch_corpus: without sharpness all scenes are alike and every ratio is 1") {
  for (const double ratio : scene_corpus(9, 4, 0).joint().ratios()) CHECK(ratio == Approx(1));
  for (const double ratio : ring_corpus(9, 2, 1).joint().ratios()) CHECK(ratio == Approx(1));
}

TEST_CASE("data/patch_corpus: on the ring all types are equally likely and the distance decides") {
  const joint_law law = ring_corpus(10, 1.5, 0.2).joint();
  CHECK(total(law.marginals()) == Approx(1));
  for (index i = 0; i < 10; ++i) {
    CHECK(law.marginal(i) == Approx(0.1));
    for (index j = 0; j < 10; ++j) CHECK(law.ratio(i, j) == Approx(law.ratio(0, (j - i + 10) % 10)));
  }
  for (index j = 1; j <= 5; ++j) CHECK(law.ratio(0, j) < law.ratio(0, j - 1));
  CHECK(ring_corpus(1).joint().ratio(0, 0) == Approx(1));
}

TEST_CASE("data/patch_corpus: laws that are none are told in a sentence") {
  CHECK_THROWS_WITH_AS(
      patch_corpus(3, {1, 1}, {1, 1, 1}),
      "ssl::patch_corpus: there are 3 numbers for 3 types and 2 scenes, expected types * scenes >= 1",
      shape_error);
  std::vector<double> empty_scene{1, 1};
  empty_scene.resize(4);  // not as a list of four: g++ 12 makes {1, 1, 1, 1} of it here, with AVX-512
  CHECK_THROWS_WITH_AS(patch_corpus(2, {1, 1}, empty_scene),
                       "ssl::patch_corpus: the probabilities of the patches of scene 1 are all 0",
                       option_error);
  CHECK_THROWS_WITH_AS(patch_corpus(1, {-1}, {1}),
                       "ssl::patch_corpus: a probability of the scenes is -1.000000, expected a finite "
                       "number of at least 0",
                       option_error);
  CHECK_THROWS_AS(scene_corpus(0, 3), option_error);
  CHECK_THROWS_AS(scene_corpus(3, 3, -1), option_error);
  CHECK_THROWS_AS(ring_corpus(5, 0), option_error);
}
