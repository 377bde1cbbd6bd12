#include "support/feature_map.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/data/npy.hpp"

namespace ssl_example {
namespace {

using matrix = Eigen::MatrixXf;
using map = Eigen::Map<const matrix>;

map view(const feature_file& f) { return {f.values.data(), f.features, f.samples()}; }

}  // namespace

feature_file read_features(const std::filesystem::path& features, const std::filesystem::path& labels,
                           long most) {
  const ssl::npy_array x = ssl::read_npy(features.string()), y = ssl::read_npy(labels.string());
  ssl::require_rank(x, 2, "(samples, features)");
  ssl::require_rank(y, 1, "(samples)");
  if (x.dtype.kind != 'f')
    throw ssl::data_error(features.string() + ": has the dtype " + x.dtype.name() + ", expected f4 or f8");
  if (y.size() != x.shape[0])
    throw ssl::data_error(labels.string() + ": has " + std::to_string(y.size()) + " labels, expected " +
                          std::to_string(x.shape[0]) + " for " + features.string());
  ssl::require_finite(x);
  const std::vector<float> all = x.as<float>();
  const std::vector<ssl::index> names = y.as_index();
  feature_file part;
  const auto total = static_cast<long>(names.size()), kept = std::min(total, most);
  part.features = static_cast<long>(x.shape[1]);
  for (long k = 0; k < kept; ++k) {
    const long i = k * total / kept;
    const ssl::index label = names[static_cast<std::size_t>(i)];
    if (label < 0 || label > 100000)
      throw ssl::data_error(labels.string() + ": label " + std::to_string(label) + " of sample " +
                            std::to_string(i) + ", expected 0 to 100000");
    const auto from = all.begin() + i * part.features;
    part.values.insert(part.values.end(), from, from + part.features);
    part.labels.push_back(static_cast<int>(label));
  }
  return part;
}

principal_plane principal_components(const feature_file& part) {
  const long n = part.samples(), d = part.features;
  principal_plane plane{std::vector<double>(static_cast<std::size_t>(n)),
                        std::vector<double>(static_cast<std::size_t>(n)), 0, 0};
  if (n < 2 || d < 2) return plane;
  Eigen::MatrixXd x = view(part).cast<double>();
  x.colwise() -= x.rowwise().mean().eval();
  const double total = x.squaredNorm();
  if (!(total > 0)) return plane;

  // More directions than are wanted, so that the second and third may be close; a start without symmetry.
  const long width = std::min({8L, d, n});
  Eigen::MatrixXd basis(d, width);
  for (long j = 0; j < width; ++j)
    for (long i = 0; i < d; ++i) basis(i, j) = std::sin(1.0 + static_cast<double>(i * (2 * j + 1) + j));
  Eigen::Vector2d last(0, 0);
  for (int turn = 0; turn < 500; ++turn) {
    for (long j = 0; j < width; ++j) {  // Gram and Schmidt, twice is enough
      for (int twice = 0; twice < 2; ++twice)
        for (long k = 0; k < j; ++k) basis.col(j) -= basis.col(k).dot(basis.col(j)) * basis.col(k);
      const double length = basis.col(j).norm();
      if (length > 1e-300) basis.col(j) /= length;
    }
    const Eigen::MatrixXd seen = x.transpose() * basis;  // (n, width)
    const Eigen::MatrixXd gram = seen.transpose() * seen;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    basis = (basis * solver.eigenvectors().rowwise().reverse()).eval();  // largest first
    const Eigen::Vector2d now(solver.eigenvalues()(width - 1), solver.eigenvalues()(width - 2));
    if ((now - last).norm() <= 1e-12 * now(0)) break;
    last = now;
    basis = (x * (x.transpose() * basis)).eval() / now(0);
  }
  for (long j = 0; j < 2; ++j) {
    Eigen::VectorXd axis = basis.col(j).normalized();
    long largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis(largest) < 0) axis = -axis;
    const Eigen::VectorXd at = x.transpose() * axis;
    (j == 0 ? plane.share_x : plane.share_y) = at.squaredNorm() / total;
    std::copy(at.begin(), at.end(), (j == 0 ? plane.x : plane.y).begin());
  }
  return plane;
}

confusion_shares knn_confusion(const feature_file& bank, const feature_file& test) {
  if (bank.features != test.features)
    throw ssl::data_error("training features have " + std::to_string(bank.features) +
                          " dimensions, test features " + std::to_string(test.features) +
                          ", expected as many");
  confusion_shares result;
  for (const feature_file* part : {&bank, &test})
    for (const int label : part->labels) result.classes = std::max(result.classes, label + 1);
  const auto classes = static_cast<std::size_t>(result.classes);
  std::vector<double> counts(classes * classes, 0.0);
  const auto unit = [](const feature_file& f) {
    matrix m = view(f);
    for (long j = 0; j < m.cols(); ++j) m.col(j) /= std::max(m.col(j).norm(), 1e-30f);
    return m;
  };
  const matrix known = unit(bank), asked = unit(test);
  const auto k = static_cast<std::size_t>(std::min(20L, bank.samples()));
  std::vector<int> order(static_cast<std::size_t>(bank.samples()));
  std::vector<double> score(classes);
  double hits = 0;
  for (long first = 0; first < test.samples() && k > 0; first += 256) {
    const long block = std::min(256L, test.samples() - first);
    const matrix similar = known.transpose() * asked.middleCols(first, block);  // (bank, block)
    for (long j = 0; j < block; ++j) {
      std::iota(order.begin(), order.end(), 0);
      const auto nearer = [&](int a, int b) {
        return similar(a, j) != similar(b, j) ? similar(a, j) > similar(b, j) : a < b;
      };
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), nearer);
      std::fill(score.begin(), score.end(), 0.0);
      std::size_t best = 0;
      for (std::size_t r = 0; r < k; ++r)
        score[static_cast<std::size_t>(bank.labels[static_cast<std::size_t>(order[r])])] +=
            std::exp(static_cast<double>(similar(order[r], j) - similar(order[0], j)) / 0.07);
      for (std::size_t c = 0; c < classes; ++c)
        if (score[c] > score[best]) best = c;
      const auto truth = static_cast<std::size_t>(test.labels[static_cast<std::size_t>(first + j)]);
      counts[truth * classes + best] += 1;
      hits += truth == best;
    }
  }
  result.accuracy = hits / static_cast<double>(test.samples());
  for (std::size_t c = 0; c < classes; ++c) {
    const auto row = counts.begin() + static_cast<std::ptrdiff_t>(c * classes);
    const double sum = std::accumulate(row, row + static_cast<std::ptrdiff_t>(classes), 0.0);
    for (std::size_t p = 0; p < classes; ++p)
      result.values.push_back(sum > 0 ? counts[c * classes + p] / sum : ssl::not_a_number<double>());
  }
  return result;
}

}  // namespace ssl_example
