#include "eval_tools/judge.hpp"

#include "ssl/eval/alpha_req.hpp"
#include "ssl/eval/cluster.hpp"
#include "ssl/eval/k_means.hpp"
#include "ssl/eval/lidar.hpp"
#include "ssl/eval/low_shot.hpp"
#include "ssl/eval/protocols.hpp"
#include "ssl/eval/rank_me.hpp"
#include "ssl/eval/ridge_probe.hpp"
#include "ssl/eval/view_geometry.hpp"
#include "support/eigen_products.hpp"

namespace ssl_eval {
namespace {

/// What the options ask of the classifiers.
struct plan {
  std::optional<ssl::knn_options> knn;
  std::optional<ssl::softmax_probe> softmax;
  bool ridge = false;
  bool note_best = false;
};

plan plan_of(const options& o) {
  plan p;
  if (o.protocol.empty()) {
    p.knn = {.k = o.k, .temperature = o.temperature};
    p.ridge = o.probe == "ridge";
    if (o.probe == "sgd") p.softmax = {.standardize = true, .seed = o.seed};
    return p;
  }
  const ssl::protocol named = ssl::protocol_named(o.protocol);
  if (named.knn) p.knn = named.knn->options;
  p.ridge = named.ridge;
  if (named.linear) {
    p.softmax = named.linear->probe;
    p.softmax->seed = o.seed;
    p.note_best = true;
  }
  return p;
}

template <class T>
class judge_in {
 public:
  using context = ssl::context<ssl::eigen_backend<T> >;
  using columns = ssl::cview<ssl::eigen_backend<T> >;

  judge_in(const options& o, const part& train, const part& test, index classes)
      : o_(&o),
        train_(&train),
        test_(&test),
        classes_(classes),
        plan_(plan_of(o)),
        train_x_(train.features.as<T>()),
        test_x_(test.features.as<T>()) {}

  judgement run(const wanted& w) {
    auto ctx = work_.ctx(ssl::mode::eval);
    judgement result;
    if (plan_.knn)
      result.knn = ssl::knn(ctx, bank(), train_->labels, query(), test_->labels, classes_, *plan_.knn);
    linear(ctx, result);
    if (w.few)
      for (const double fraction : o_->low_shot) result.few.push_back(few(ctx, fraction));
    if (w.geometry) {
      result.effective_rank = ssl::effective_rank(ssl::singular_values(ctx, bank()));
      if (train_->samples() > classes_ || classes_ < 2)  // else there may be no two samples of one class
        result.alignment = ssl::class_alignment(ctx, bank(), train_->labels, classes_);
      result.uniformity = ssl::pair_uniformity(ctx, bank());
    }
    return result;
  }

 private:
  columns bank() const {
    return ssl::make_view<ssl::host_space, const T>(train_x_.data(), train_->width(), train_->samples());
  }
  columns query() const {
    return ssl::make_view<ssl::host_space, const T>(test_x_.data(), test_->width(), test_->samples());
  }

  void linear(context& ctx, judgement& result) const {
    if (plan_.ridge)
      result.linear = ssl::ridge_probe{}
                          .fit(ctx, bank(), train_->labels, classes_)
                          .classifier.evaluate(ctx, query(), test_->labels);
    if (plan_.softmax) {
      const auto report = ssl::evaluate_probe(ctx, *plan_.softmax, bank(), train_->labels, query(),
                                              test_->labels, classes_, plan_.note_best);
      result.linear = report.last;
      if (report.best) {
        result.best_epoch_top1 = report.best->score.top1;
        result.best_epoch = report.best->epoch + 1;
      }
    }
  }

  few_labels few(context& ctx, double fraction) const {
    const ssl::low_shot_options how{.fraction = fraction, .draws = o_->low_shot_draws, .seed = o_->seed};
    const auto found = plan_.softmax ? ssl::low_shot(ctx, *plan_.softmax, bank(), train_->labels, query(),
                                                     test_->labels, classes_, how)
                                     : ssl::low_shot(ctx, ssl::ridge_probe{}, bank(), train_->labels, query(),
                                                     test_->labels, classes_, how);
    few_labels result{fraction, found.samples.front(), {}, found.top1};
    for (const auto& draw : found.draws) result.draws.push_back(draw.top1);
    return result;
  }

  const options* o_;
  const part *train_, *test_;
  index classes_;
  plan plan_;
  std::vector<T> train_x_, test_x_;
  ssl::workspace<ssl::eigen_backend<T> > work_;
};

/// Clusters and spectra are few enough to be computed in double always.
using in_double = ssl::workspace<ssl::eigen_backend<double> >;

clustering cluster(const options& o, const part& test, index classes) {
  const std::vector<double> x = test.features.as<double>();
  in_double work;
  auto ctx = work.ctx(ssl::mode::eval);
  const index count = std::min<index>(o.clusters > 0 ? o.clusters : classes, test.samples());
  const auto found = ssl::k_means(ctx, ssl::make_view(x.data(), test.width(), test.samples()),
                                  {.clusters = count, .unit = true, .seed = o.seed});
  const auto agreed = ssl::compare_clusters(found.assignment, count, test.labels, classes);
  return {count, agreed.accuracy, agreed.nmi, agreed.ari, found.inertia};
}

test_rank rank(const part& test) {
  const std::vector<double> values = test.features.as<double>();
  const auto x = ssl::make_view(values.data(), test.width(), test.samples());
  in_double work;
  auto ctx = work.ctx(ssl::mode::eval);
  test_rank result{ssl::rank_me(ctx, x), ssl::pair_uniformity(ctx, x), {}};
  try {
    const auto fit = ssl::alpha_req(ctx, x);
    result.alpha_req = {fit.alpha, fit.r_squared, fit.first, fit.last};
  } catch (const ssl::shape_error&) {  // fewer directions than the range of the fit begins at
  }
  return result;
}

}  // namespace

judgement judge(const options& o, const wanted& w, const part& train, const part& test, index classes) {
  const bool single = train.features.dtype.bytes == 4 && test.features.dtype.bytes == 4;
  judgement result = single ? judge_in<float>(o, train, test, classes).run(w)
                            : judge_in<double>(o, train, test, classes).run(w);
  if (w.cluster && o.cluster) result.clusters = cluster(o, test, classes);
  if (w.rank && o.rank) result.rank = rank(test);
  return result;
}

view_numbers judge_views(const ssl::npy_array& file) {
  const std::vector<double> values = file.as<double>();
  const index views = file.shape[0], n = file.shape[1], d = file.shape[2];
  const auto x = ssl::make_view(values.data(), d, views * n);
  in_double work;
  auto ctx = work.ctx(ssl::mode::eval);
  const auto geometry = ssl::geometry_of_views(ctx, x, views);
  return {views, n, ssl::lidar(ctx, x, views), geometry.alignment, geometry.uniformity};
}

}  // namespace ssl_eval
