#include "runtime/compute_arbiter.h"

namespace minerva {

ComputeArbiter::Turn ComputeArbiter::acquire() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  changed_.wait(lock, [&] { return serving_ == ticket; });
  return Turn(*this);
}

void ComputeArbiter::give_back() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ++serving_;
  }
  changed_.notify_all();
}

}  // namespace minerva
