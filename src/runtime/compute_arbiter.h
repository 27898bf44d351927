// The cores belong to one decode step at a time, whichever model and backend it is of.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

namespace minerva {

/// Lends the cores in the order of asking: a model that has just computed waits behind those that wait
/// already. Thread-safe. One per engine.
class ComputeArbiter {
 public:
  /// Holds the cores while it lives.
  class Turn {
   public:
    explicit Turn(ComputeArbiter& arbiter) noexcept : arbiter_(&arbiter) {}
    Turn(Turn&& other) noexcept : arbiter_(other.arbiter_) { other.arbiter_ = nullptr; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (arbiter_ != nullptr) arbiter_->give_back();
    }

   private:
    ComputeArbiter* arbiter_;
  };

  /// Blocks until it is the caller's turn.
  [[nodiscard]] Turn acquire();

 private:
  void give_back() noexcept;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;
};

}  // namespace minerva
