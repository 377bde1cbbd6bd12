#pragma once
// SPDX-License-Identifier: MIT

/// Which class is taken for which: counts of (label, predicted class), and what follows from them.
///
///     recall_c     share of the samples of class c that are found        NaN where there are none
///     precision_c  share of the samples called c that are of class c     NaN where none is called so
///     F1_c         2 hits / (samples of c + samples called c)            NaN where both are 0
///
/// Means over classes leave out the NaNs. Host only; `knn` and `linear_classifier::evaluate` give the
/// predictions.

#include <span>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/eval/accuracy.hpp"

namespace ssl {

class confusion_matrix {
 public:
  /// Labels in [0, classes); a prediction of -1 is no answer (kNN gives it where no neighbour is known).
  confusion_matrix(std::span<const int> predicted, std::span<const int> labels, index classes)
      : classes_(classes), counts_(labels_to_counts(predicted, labels, classes)) {}

  index classes() const { return classes_; }
  /// Samples of class `label` that were called `predicted`; -1 for those that were called nothing.
  index operator()(index label, index predicted) const {
    return counts_[static_cast<std::size_t>(label * (classes_ + 1) + predicted + 1)];
  }

  index samples() const {
    index sum = 0;
    for (const index n : counts_) sum += n;
    return sum;
  }
  index labelled(index c) const {
    index sum = 0;
    for (index p = -1; p < classes_; ++p) sum += (*this)(c, p);
    return sum;
  }
  index called(index c) const {
    index sum = 0;
    for (index l = 0; l < classes_; ++l) sum += (*this)(l, c);
    return sum;
  }

  double recall(index c) const { return ratio((*this)(c, c), labelled(c)); }
  double precision(index c) const { return ratio((*this)(c, c), called(c)); }
  double f1(index c) const { return ratio(2 * (*this)(c, c), labelled(c) + called(c)); }

  double accuracy() const {
    index hits = 0;
    for (index c = 0; c < classes_; ++c) hits += (*this)(c, c);
    return ratio(hits, samples());
  }
  /// The mean recall: classes count alike however many samples they have.
  double balanced_accuracy() const {
    return mean_over_classes([this](index c) { return recall(c); });
  }
  double macro_f1() const {
    return mean_over_classes([this](index c) { return f1(c); });
  }

 private:
  static double ratio(index part, index whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : not_a_number<double>();
  }
  template <class F>
  double mean_over_classes(const F& f) const {
    double sum = 0, count = 0;
    for (index c = 0; c < classes_; ++c)
      if (const double value = f(c); !is_nan(value)) {
        sum += value;
        ++count;
      }
    return sum / count;
  }
  static std::vector<index> labels_to_counts(std::span<const int> predicted, std::span<const int> labels,
                                             index classes) {
    detail::require_labels("confusion_matrix", "test", labels, static_cast<index>(predicted.size()), classes);
    std::vector<index> counts(static_cast<std::size_t>(classes * (classes + 1)), 0);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (predicted[i] < -1 || predicted[i] >= classes)
        throw option_error("ssl::confusion_matrix: prediction " + std::to_string(predicted[i]) +
                           " of sample " + std::to_string(i) + " is outside [-1, " + std::to_string(classes) +
                           ")");
      ++counts[static_cast<std::size_t>(labels[i] * (classes + 1) + predicted[i] + 1)];
    }
    return counts;
  }

  index classes_;
  std::vector<index> counts_;  // (classes + 1, classes): predictions from -1, then labels
};

}  // namespace ssl
