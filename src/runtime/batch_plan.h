// Who gets how many rows of the next step: policy without mechanism.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/client_shares.h"

namespace minerva {

/// A running request, as the plan of a step sees it.
struct BatchCandidate {
  std::size_t pending = 0;     ///< tokens whose state is not computed yet
  int level = 0;               ///< effective priority: the higher goes first
  std::size_t client = 0;      ///< index into `served`
  std::uint64_t last_row = 0;  ///< the step in which it got a row last

  /// One token is left, and what follows it is an answer's: all else is a prompt to be read.
  bool answers() const noexcept { return pending == 1; }
};

struct BatchLimits {
  std::size_t rows = 0;         ///< of all kinds
  std::size_t prompt_rows = 0;  ///< of prompts: what answers can wait for
};

/// The rows that each of `candidates` (in order of admission) gets.
///
/// Answers get a row each, but a client that is ahead of another which answers, too, waits until it is level:
/// one request of one client gets as many tokens as sixteen of another. Prompts of the highest level come
/// first; within it, clients take turns by what they were served; of one client's, the oldest gets half and
/// the shortest the rest, so that a short prompt does not wait for a long one, nor a long one for ever.
std::vector<std::size_t> plan_batch(std::span<const BatchCandidate> candidates,
                                    std::span<const ServedTokens> served, const BatchLimits& limits);

}  // namespace minerva
