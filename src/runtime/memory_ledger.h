// The ledger of an engine: how much its models have been granted, who waits for room, and a bound that no
// grant exceeds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/memory.h"
#include "runtime/memory_budget.h"

namespace minerva {

/// Who can free memory that models hold.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;
  enum class Outcome : std::uint8_t {
    Freed,    ///< something was given back: look again
    Pending,  ///< something is being given back just now
    Busy,     ///< running requests hold what would be needed
    Nothing,  ///< whatever ends, it would not be enough
  };
  /// Frees idle models, least recently used first, until some `bytes` are free; `granted` is what the ledger
  /// has granted in all, but to `asker` (null: somebody who has no grant yet), who is left alone. Called
  /// without the ledger's lock.
  virtual Outcome reclaim(std::uint64_t bytes, std::uint64_t granted, const MemoryGrant* asker) = 0;
  /// Bytes of models that stay whatever happens (pinned).
  virtual std::uint64_t pinned_bytes() const = 0;
};

/// Thread-safe. Grants keep it alive.
class MemoryLedger : public std::enable_shared_from_this<MemoryLedger> {
 public:
  using Clock = std::chrono::steady_clock;
  /// What the system can still give, see available_memory_bytes; tests give their own.
  using Available = std::function<std::uint64_t()>;

  explicit MemoryLedger(
      std::uint64_t budget_bytes, Available available = [] { return available_memory_bytes(); });

  /// Must be called before the first reservation and with null before the reclaimer goes.
  void set_reclaimer(Reclaimer* reclaimer);

  /// A grant of `bytes`, once there is room: evicts idle models, and waits while running requests hold what
  /// would be needed, first come, first served. Nothing is held while waiting, so that nobody waits in a
  /// circle. Errors: OutOfMemory when it would never fit, Busy when `deadline` has passed, Cancelled.
  Result<std::shared_ptr<MemoryGrant>> reserve(std::uint64_t bytes, const std::stop_token& stop,
                                               Clock::time_point deadline);

  /// Something may have come free: a request ended, a model went.
  void notify();

  std::uint64_t budget_bytes() const noexcept { return budget_; }
  std::uint64_t granted_bytes() const;
  /// The most that a reservation can get when all that is idle or running has ended.
  std::uint64_t attainable_bytes() const;
  /// What is free now.
  std::uint64_t free_bytes() const;
  /// Since when somebody has been waiting for room; absent: nobody waits.
  std::optional<Clock::time_point> waiting_since() const;

 private:
  class Grant;
  class Place;
  class Growing;
  struct Waiter {
    Clock::time_point since;
  };

  // Bytes that are missing for `bytes` more; 0: they fit.
  std::uint64_t missing(std::uint64_t bytes, std::uint64_t available) const;
  // Takes `bytes`, or has room made and says with what outcome; nothing: they are taken. The lock is given up
  // meanwhile.
  std::optional<Reclaimer::Outcome> take_or_reclaim(std::unique_lock<std::mutex>& lock, std::uint64_t bytes,
                                                    const Grant* asker);
  Result<void> grow(Grant& grant, std::uint64_t bytes, const std::stop_token& stop,
                    const MemoryGrant::KeepWaiting& waits);
  bool grow_if_free(Grant& grant, std::uint64_t bytes);
  void release(std::uint64_t bytes);
  std::unexpected<Error> refusal(std::uint64_t bytes) const;
  static std::unexpected<Error> held_by_others(std::uint64_t bytes);

  const std::uint64_t budget_;
  const Available available_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  Reclaimer* reclaimer_ = nullptr;
  std::uint64_t granted_ = 0;
  std::uint64_t version_ = 0;                 // counts what may have made room
  std::list<Waiter> queue_;                   // for reservations
  std::optional<Clock::time_point> growing_;  // since when a grant has been waiting to become larger
};

}  // namespace minerva
