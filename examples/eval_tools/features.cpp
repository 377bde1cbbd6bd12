#include "eval_tools/features.hpp"

#include <algorithm>

namespace ssl_eval {
namespace {

ssl::npy_array read_features(const std::string& file) {
  ssl::npy_array features = ssl::read_npy(file);
  if (features.dtype.kind != 'f')
    throw ssl::data_error(file + ": has the dtype " + features.dtype.name() + ", expected f4 or f8");
  return features;
}

ssl::npy_array read_samples(const std::string& file) {
  ssl::npy_array features = read_features(file);
  ssl::require_rank(features, 2, "(samples, features)");
  if (features.shape[0] < 2 || features.shape[1] < 1)
    throw ssl::data_error(file + ": has shape " + ssl::npy_shape_text(features.shape) +
                          ", expected at least two samples of at least one feature");
  ssl::require_finite(features);
  return features;
}

}  // namespace

part read_part(const std::string& features, const std::string& labels) {
  part p{read_samples(features), {}, {}};
  const ssl::npy_array names = ssl::read_npy(labels);
  if (names.dtype.kind == 'f')
    throw ssl::data_error(labels + ": has the dtype " + names.dtype.name() + ", expected whole numbers");
  ssl::require_rank(names, 1, "(samples)");
  if (names.size() != p.samples())
    throw ssl::data_error(labels + ": has " + std::to_string(names.size()) + " labels, expected " +
                          std::to_string(p.samples()) + " for " + features);
  p.names = names.as_index();
  return p;
}

part read_other(const std::string& features, const part& same) {
  part p{read_samples(features), same.names, {}};
  if (p.samples() != same.samples())
    throw ssl::data_error(features + ": has " + std::to_string(p.samples()) + " samples, expected the " +
                          std::to_string(same.samples()) + " that it is compared with");
  return p;
}

ssl::npy_array read_views(const std::string& file) {
  ssl::npy_array features = read_features(file);
  ssl::require_rank(features, 3, "(views, samples, features)");
  if (features.shape[0] < 2 || features.shape[1] < 2 || features.shape[2] < 1)
    throw ssl::data_error(file + ": has shape " + ssl::npy_shape_text(features.shape) +
                          ", expected at least two views of at least two samples of at least one feature");
  ssl::require_finite(features);
  return features;
}

void require_one_width(const part& train, const part& test, const std::string& train_file,
                       const std::string& test_file) {
  if (train.width() != test.width())
    throw ssl::data_error(test_file + ": has " + std::to_string(test.width()) + " features, expected " +
                          std::to_string(train.width()) + " as in " + train_file);
}

std::vector<index> number_labels(const std::vector<part*>& parts) {
  std::vector<index> known;
  for (const part* p : parts) known.insert(known.end(), p->names.begin(), p->names.end());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (part* p : parts) {
    p->labels.clear();
    for (const index name : p->names)
      p->labels.push_back(
          static_cast<int>(std::lower_bound(known.begin(), known.end(), name) - known.begin()));
  }
  return known;
}

}  // namespace ssl_eval
