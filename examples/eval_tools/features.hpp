#pragma once
/// The .npy files that ssl_eval judges.

#include <string>
#include <vector>

#include "ssl/data/npy.hpp"

namespace ssl_eval {

using ssl::index;

/// Features (n, d) of one file and the labels beside them.
struct part {
  ssl::npy_array features;
  std::vector<index> names;  // labels as the file has them
  std::vector<int> labels;   // labels in [0, classes), after number_labels

  index samples() const { return features.shape[0]; }
  index width() const { return features.shape[1]; }
};

/// ssl::data_error, one sentence that begins with the file, where one is not what it should be.
part read_part(const std::string& features, const std::string& labels);

/// Other features of the same samples, whose labels they take. Call before number_labels.
part read_other(const std::string& features, const part& same);

/// Features of several views (views, n, d).
ssl::npy_array read_views(const std::string& features);

/// Throws unless both have as many features.
void require_one_width(const part& train, const part& test, const std::string& train_file,
                       const std::string& test_file);

/// Numbers the labels that occur from 0; returns their names in order.
std::vector<index> number_labels(const std::vector<part*>& parts);

}  // namespace ssl_eval
