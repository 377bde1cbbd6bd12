#pragma once
// SPDX-License-Identifier: MIT

/// Who else takes part in a step. One process here; more ranks are models of the same concept.

#include <concepts>

#include "ssl/backend/verbs.hpp"

namespace ssl {

/// all_gather: `all` (d, size * n) holds the ranks' `mine` (d, n) side by side, in rank order.
/// all_reduce_sum: every rank's `all` becomes the sum over ranks, in a fixed order.
template <class C, class B>
concept Communicator = Backend<B> && requires(C& comm, B& be, cview<B> mine, view<B> all) {
  { comm.rank() } -> std::same_as<int>;
  { comm.size() } -> std::same_as<int>;
  comm.all_gather(be, mine, all);
  comm.all_reduce_sum(be, all);
};

/// One process: a gather is a copy, a reduction is nothing.
template <Backend B>
struct single {
  int rank() const { return 0; }
  int size() const { return 1; }
  void all_gather(B& be, cview<B> mine, view<B> all) { copy(be, mine, all); }
  void all_reduce_sum(B&, view<B>) {}
};

}  // namespace ssl
