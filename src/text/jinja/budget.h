// What one parse or rendering has left. The one in force on a thread is found there, so that every string and
// list can count itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/jinja/template.h"

namespace minerva::jinja {

class Budget {
 public:
  explicit Budget(const Limits& limits);
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// The budget in force on this thread, or null.
  static Budget* current() noexcept;

  const Limits& limits() const noexcept { return limits_; }

  /// Each throws when its limit is exceeded.
  void spend(std::size_t steps) {
    steps_ += steps;
    if (steps_ >= next_check_) check_steps();
  }
  void hold(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > limits_.memory_bytes_max) fail_memory(bytes);
  }
  /// At most what is held: a value may have been made under another budget.
  void give_back(std::size_t bytes) noexcept { bytes_ -= bytes < bytes_ ? bytes : bytes_; }
  /// That a value of `bytes` may be made; before it is.
  void expect(std::size_t bytes) const;
  /// That this call may go deeper.
  void check_stack() const {
    if (reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) < stack_floor_) fail_stack();
  }

 private:
  void check_steps();
  [[noreturn]] void fail_memory(std::size_t bytes);
  [[noreturn]] void fail_stack() const;

  Limits limits_;
  std::size_t steps_ = 0;
  std::size_t next_check_ = 0;
  std::size_t bytes_ = 0;
  std::int64_t end_ns_ = 0;  ///< of the thread's processor time
  std::uintptr_t stack_floor_ = 0;
  bool stack_is_short_ = false;
  Budget* outer_ = nullptr;
};

/// For functions that know no budget: spends of the one in force.
inline void spend(std::size_t steps) {
  if (Budget* budget = Budget::current()) budget->spend(steps);
}
/// That `count` pieces of `bytes` may be made.
void expect_bytes(std::uint64_t count, std::uint64_t bytes);
inline void check_stack() {
  if (const Budget* budget = Budget::current()) budget->check_stack();
}

}  // namespace minerva::jinja
