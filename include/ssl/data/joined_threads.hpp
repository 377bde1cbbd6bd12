#pragma once
// SPDX-License-Identifier: MIT

/// Threads that are joined when they go out of scope: std::jthread, which some standard libraries lack.

#include <thread>
#include <utility>
#include <vector>

namespace ssl {

class joined_threads {
 public:
  joined_threads() = default;
  joined_threads(const joined_threads&) = delete;
  joined_threads& operator=(const joined_threads&) = delete;
  ~joined_threads() {
    for (std::thread& t : threads_) t.join();
  }

  /// Throws std::system_error where a thread cannot be started.
  template <class Body>
  void start(Body&& body) {
    threads_.emplace_back(std::forward<Body>(body));
  }
  std::size_t size() const { return threads_.size(); }

 private:
  std::vector<std::thread> threads_;
};

}  // namespace ssl
