#include "runtime/compute_arbiter.h"

namespace minerva {

std::optional<ComputeArbiter::Turn> ComputeArbiter::acquire(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto place = queue_.insert(queue_.end(), Waiter{});
  const bool served = changed_.wait(lock, stop, [&] { return !lent_ && place == queue_.begin(); });
  queue_.erase(place);
  if (!served) {
    changed_.notify_all();  // who came after may be first now
    return std::nullopt;
  }
  lent_ = true;
  return std::optional<Turn>(std::in_place, *this);
}

void ComputeArbiter::give_back() noexcept {
  {
    const std::lock_guard lock(mutex_);
    lent_ = false;
  }
  changed_.notify_all();
}

}  // namespace minerva
