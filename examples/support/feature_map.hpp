#pragma once
/// What frozen features look like from files alone: their first two principal components, and which class
/// kNN takes for which.

#include <filesystem>
#include <string>
#include <vector>

namespace ssl_example {

/// Features and labels of one part of a run, as the trainers leave them.
struct feature_file {
  std::vector<float> values = {};  // (d, n): column = sample
  long features = 0;               // d
  std::vector<int> labels = {};    // (n), >= 0

  long samples() const { return static_cast<long>(labels.size()); }
};

/// Both files; at most `most` samples, taken at even steps. ssl::data_error names the file where one is
/// missing, of another shape, or holds what is no finite number or no label.
feature_file read_features(const std::filesystem::path& features, const std::filesystem::path& labels,
                           long most);

/// Samples in the plane of largest variance, and the shares of the variance along its axes. The signs are
/// chosen so that the largest loading of each axis is positive.
struct principal_plane {
  std::vector<double> x, y;  // (n)
  double share_x = 0, share_y = 0;
};

/// By subspace iteration on the centred features: no matrix of size d x d. One feature, or fewer than two
/// samples, give zeros.
principal_plane principal_components(const feature_file& part);

/// Shares of each class (rows) that weighted kNN (cosine, k = 20, temperature 0.07) takes for each class;
/// rows of classes without samples are NaN. Also the share that it takes rightly.
struct confusion_shares {
  int classes = 0;
  std::vector<double> values;  // (classes, classes), row by row
  double accuracy = 0;
};
confusion_shares knn_confusion(const feature_file& bank, const feature_file& test);

}  // namespace ssl_example
