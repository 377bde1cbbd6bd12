#include "ssl/train/guard.hpp"

#include <doctest/doctest.h>

#include "ssl/core/finite.hpp"

namespace {

const ssl::loss_report fine{.total = 3, .terms = {{"invariance", 1, 1}, {"variance", 2, 1}}};
const ssl::health healthy{.feature_spread = 0.9, .participation_ratio = 20};
const ssl::health flat{.feature_spread = 0.01, .participation_ratio = 20};
const ssl::health line{.feature_spread = 0.5, .participation_ratio = 1.01};

std::string said(const std::optional<std::string>& cause) { return cause.value_or("nothing"); }

}  // namespace

TEST_CASE("train/guard: a healthy run is left alone") {
  ssl::guard watch;
  for (ssl::index step = 1; step < 100; ++step) CHECK(said(watch.inspect(fine, healthy, step)) == "nothing");
}

TEST_CASE("train/guard: a term that is not finite is named at once") {
  ssl::guard watch;
  ssl::loss_report bad = fine;
  bad.terms[1].value = ssl::not_a_number<double>();
  CHECK(said(watch.inspect(bad, healthy, 7)) ==
        "step 7: loss term 'variance' is not a number; lower the learning rate, warm up longer, or look at "
        "the input");
  for (const double sign : {1.0, -1.0}) {
    bad = fine;
    bad.terms[0].value = sign * ssl::infinite<double>();
    CHECK(said(watch.inspect(bad, healthy, 8)) ==
          "step 8: loss term 'invariance' is infinite; lower the learning rate, warm up longer, or look at "
          "the input");
  }
}

TEST_CASE("train/guard: embeddings that are not finite are told at once") {
  ssl::guard watch;
  const double nan = ssl::not_a_number<double>();
  CHECK(said(watch.inspect(fine, {.feature_spread = nan, .participation_ratio = 2}, 4)) ==
        "step 4: the embeddings are not finite");
  CHECK(said(watch.inspect(fine, {.feature_spread = 1, .participation_ratio = nan}, 5)) ==
        "step 5: the embeddings are not finite");
}

TEST_CASE("train/guard: a collapse is told after as many bad checks in a row as its patience") {
  for (const ssl::index patience : {1, 3, 5}) {
    ssl::guard watch{.patience = patience};
    for (ssl::index k = 1; k < patience; ++k) CHECK(said(watch.inspect(fine, flat, k)) == "nothing");
    CHECK(said(watch.inspect(fine, flat, 40)) ==
          "step 40: collapse, the feature spread is 0.010000 and should stay above 0.020000; all embeddings "
          "point the same way");
  }
  ssl::guard watch{.patience = 2};
  CHECK(said(watch.inspect(fine, flat, 1)) == "nothing");
  CHECK(said(watch.inspect(fine, line, 2)) ==
        "step 2: collapse, the participation ratio is 1.010000 and should stay above 1.050000; all "
        "embeddings lie "
        "on a line");
}

TEST_CASE("train/guard: one good check starts the count anew") {
  ssl::guard watch;
  for (int round = 0; round < 4; ++round) {
    CHECK(said(watch.inspect(fine, flat, 1)) == "nothing");
    CHECK(said(watch.inspect(fine, line, 2)) == "nothing");
    CHECK(watch.bad_checks == 2);
    CHECK(said(watch.inspect(fine, healthy, 3)) == "nothing");
    CHECK(watch.bad_checks == 0);
  }
}

TEST_CASE("train/guard: a collapse in the grace period is forgiven, a number that is not finite is not") {
  ssl::guard watch{.patience = 2, .grace = 100};
  for (ssl::index step = 10; step <= 100; step += 10)
    CHECK(said(watch.inspect(fine, flat, step)) == "nothing");
  CHECK(watch.bad_checks == 0);
  ssl::loss_report bad = fine;
  bad.terms[1].value = ssl::infinite<double>();
  CHECK(said(watch.inspect(bad, flat, 50)).find("'variance' is infinite") != std::string::npos);
  CHECK(said(watch.inspect(fine, flat, 110)) == "nothing");
  CHECK(said(watch.inspect(fine, flat, 120)).find("step 120: collapse") == 0);
}

TEST_CASE("train/guard: the cause of a collapse names the terms that are at their value") {
  ssl::guard watch{.patience = 1};
  const std::vector<ssl::collapse_sign> signs{
      {"feature_spread", "embeddings identical", "the feature spread is 0.01, and even directions give 1"},
      {"ntxent", "embeddings identical", "ntxent is 6.23, and equal embeddings give ln(V n - 1) = 6.236"}};
  CHECK(said(watch.inspect(fine, flat, 40, signs)) ==
        "step 40: collapse, the feature spread is 0.010000 and should stay above 0.020000; all embeddings "
        "point the same way; ntxent is 6.23, and equal embeddings give ln(V n - 1) = 6.236");
}

TEST_CASE("train/guard: every sign is told once, and again only under another cause") {
  ssl::guard watch;
  const ssl::collapse_sign alone{"ntxent", "as at a collapse", "ntxent is 6.236"},
      sure{"ntxent", "embeddings identical", "ntxent is 6.231"},
      other{"cov", "embeddings identical", "cov is 0"};
  using list = std::vector<ssl::collapse_sign>;
  using texts = std::vector<std::string>;
  CHECK(watch.warnings(list{}, 10) == texts{});
  CHECK(watch.warnings(list{alone}, 20) == texts{"step 20: as at a collapse: ntxent is 6.236"});
  CHECK(watch.warnings(list{alone}, 30) == texts{});
  CHECK(watch.warnings(list{sure, other}, 40) ==
        texts{"step 40: embeddings identical: ntxent is 6.231", "step 40: embeddings identical: cov is 0"});
  CHECK(watch.warnings(list{other, alone}, 50) == texts{});
}

TEST_CASE("train/guard: limits of one's own hold") {
  ssl::guard watch{.least_feature_spread = 0.95, .least_participation_ratio = 25, .patience = 1};
  CHECK(said(watch.inspect(fine, healthy, 1)).find("should stay above 0.950000") != std::string::npos);
  watch.least_feature_spread = 0;
  CHECK(said(watch.inspect(fine, healthy, 2)).find("should stay above 25.000000") != std::string::npos);
}
