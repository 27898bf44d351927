// One request on its way: what its caller and the scheduler share.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "minerva/generation.h"
#include "runtime/answer.h"

namespace minerva {

/// Pieces of the answer, from the scheduler's thread to the caller's. Thread-safe.
class Mailbox {
 public:
  using Clock = std::chrono::steady_clock;
  struct Letter {
    AnswerPiece piece;
    Clock::time_point when;
  };

  void put(AnswerPiece piece) {
    {
      const std::lock_guard lock(mutex_);
      letters_.push_back({std::move(piece), Clock::now()});
    }
    changed_.notify_all();
  }
  void fail(Error error) {
    {
      const std::lock_guard lock(mutex_);
      error_ = std::move(error);
    }
    changed_.notify_all();
  }
  /// Wakes a caller that waits in `take`: it has left.
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_all();
  }
  /// The next letter, or the error after the last one; nothing when woken or at `until`.
  std::optional<Result<Letter>> take(std::optional<Clock::time_point> until) {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return woken_ || !letters_.empty() || error_; };
    if (until) {
      if (!changed_.wait_until(lock, *until, ready)) return std::nullopt;
    } else {
      changed_.wait(lock, ready);
    }
    if (woken_) return std::nullopt;
    if (letters_.empty()) return std::unexpected(*error_);
    Letter letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Letter> letters_;
  std::optional<Error> error_;
  bool woken_ = false;
};

struct Job {
  Job(std::vector<TokenId> prompt, std::uint32_t new_tokens, const Tokenizer& tokenizer,
      Answer::Options options)
      : tokens(std::move(prompt)),
        prompt_size(tokens.size()),
        max_tokens(new_tokens),
        answer(tokenizer, tokens, std::move(options)) {}

  // ---- fixed before it is submitted
  std::vector<TokenId> tokens;  ///< the prompt, then what was chosen (the scheduler's thread appends)
  const std::size_t prompt_size;
  const std::uint32_t max_tokens;
  std::uint32_t context_tokens = 0;  ///< the context it needs by itself
  Priority priority = Priority::Normal;
  std::string client;

  /// The positions it will compute: the last token is not decoded again.
  Position planned_length() const noexcept { return static_cast<Position>(prompt_size + max_tokens - 1); }

  // ---- between the threads
  Mailbox mailbox;
  std::atomic<bool> gone = false;  ///< its caller has left
  std::atomic<std::uint32_t> cached_tokens = 0;
  std::atomic<std::int64_t> admitted_us = -1;  ///< after it was submitted; -1: waits
  std::chrono::steady_clock::time_point submitted;

  // ---- under the scheduler's lock while it waits
  std::optional<std::chrono::steady_clock::time_point> waits_since;
  std::chrono::steady_clock::duration waited{0};  ///< before that, and while it ran and got nothing

  /// Its priority, raised by waiting, so that a stream of others does not keep it waiting for ever.
  int level(std::chrono::steady_clock::time_point now) const noexcept {
    constexpr std::chrono::seconds kForALevel{10};
    const auto total = waited + (waits_since ? now - *waits_since : std::chrono::steady_clock::duration(0));
    return static_cast<int>(std::min<std::int64_t>(static_cast<int>(priority) + total / kForALevel,
                                                   static_cast<int>(Priority::High)));
  }

  // ---- the scheduler's thread only
  Answer answer;
  SequenceId sequence = -1;
  bool admitted_before = false;
  bool had_company = false;     ///< others ran beside it, or its step was interrupted for one
  std::uint64_t last_row = 0;   ///< the step in which something was computed for it last
  std::uint64_t admission = 0;  ///< the later it was let in, the larger
};

}  // namespace minerva
