// The cores belong to one decode step at a time, whichever model and backend it is of.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>

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

  /// Blocks until it is the caller's turn; nothing when `stop` was requested before.
  [[nodiscard]] std::optional<Turn> acquire(const std::stop_token& stop);

 private:
  void give_back() noexcept;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool lent_ = false;
  struct Waiter {};
  std::list<Waiter> queue_;
};

}  // namespace minerva
