#include "runtime/memory_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace minerva {
namespace {

constexpr auto kLookAgain = std::chrono::milliseconds(50);

std::uint64_t subtract(std::uint64_t a, std::uint64_t b) noexcept {
  return a > b ? a - b : 0;
}

std::unexpected<Error> cancelled() {
  return fail(ErrorCode::Cancelled, "waiting for memory was cancelled", "Open the model again.");
}

double megabytes(std::uint64_t bytes) noexcept {
  return static_cast<double>(bytes) / 1e6;
}

}  // namespace

class MemoryLedger::Grant final : public MemoryGrant {
 public:
  Grant(std::shared_ptr<MemoryLedger> ledger, std::uint64_t bytes)
      : ledger_(std::move(ledger)), bytes_(bytes) {}
  ~Grant() override { ledger_->release(bytes_); }
  Grant(const Grant&) = delete;
  Grant& operator=(const Grant&) = delete;

  Result<void> resize(std::uint64_t bytes, const std::stop_token& stop, const KeepWaiting& waits) override {
    const std::lock_guard one_at_a_time(mutex_);
    if (bytes > bytes_) return ledger_->grow(*this, bytes - bytes_, stop, waits);
    shrink(bytes);
    return {};
  }
  bool try_resize(std::uint64_t bytes) override {
    const std::lock_guard one_at_a_time(mutex_);
    if (bytes > bytes_) return ledger_->grow_if_free(*this, bytes - bytes_);
    shrink(bytes);
    return true;
  }
  std::uint64_t bytes() const noexcept override { return bytes_; }
  void add(std::uint64_t bytes) noexcept { bytes_ += bytes; }

 private:
  void shrink(std::uint64_t bytes) { ledger_->release(bytes_.exchange(bytes) - bytes); }

  std::shared_ptr<MemoryLedger> ledger_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> bytes_;
};

MemoryLedger::MemoryLedger(std::uint64_t budget_bytes, Available available)
    : budget_(budget_bytes), available_(std::move(available)) {}

void MemoryLedger::set_reclaimer(Reclaimer* reclaimer) {
  const std::lock_guard lock(mutex_);
  reclaimer_ = reclaimer;
}

std::uint64_t MemoryLedger::missing(std::uint64_t bytes, std::uint64_t available) const {
  const std::uint64_t over_budget = subtract(bytes, subtract(budget_, granted_));
  return std::max(over_budget, subtract(bytes, available));
}

std::unexpected<Error> MemoryLedger::refusal(std::uint64_t bytes) const {
  return fail(ErrorCode::OutOfMemory,
              fmt::format("{:.1f} MB more are required but only {:.1f} MB is available", megabytes(bytes),
                          megabytes(free_bytes())),
              "Use a smaller context (-c N) or a smaller model, unload or unpin other models, or raise the "
              "memory limit.");
}

std::unexpected<Error> MemoryLedger::held_by_others(std::uint64_t bytes) {
  return fail(ErrorCode::Busy,
              fmt::format("running requests of other models hold the memory: {:.1f} MB are required",
                          megabytes(bytes)),
              "Try again later, or raise the memory limit.");
}

std::optional<Reclaimer::Outcome> MemoryLedger::take_or_reclaim(std::unique_lock<std::mutex>& lock,
                                                                std::uint64_t bytes, const Grant* asker) {
  lock.unlock();
  const std::uint64_t available = available_();
  lock.lock();
  const std::uint64_t short_of = missing(bytes, available);
  if (short_of == 0) {
    granted_ += bytes;
    return std::nullopt;
  }
  if (reclaimer_ == nullptr) return Reclaimer::Outcome::Nothing;
  Reclaimer* const reclaimer = reclaimer_;
  const std::uint64_t of_others = granted_ - (asker == nullptr ? 0 : asker->bytes());
  lock.unlock();
  const auto outcome = reclaimer->reclaim(short_of, of_others, asker);
  lock.lock();
  return outcome;
}

// A reservation's place in the queue, which it leaves however the waiting ends: by an exception, too.
class MemoryLedger::Place {
 public:
  Place(MemoryLedger& ledger, std::unique_lock<std::mutex>& lock)
      : ledger_(ledger), lock_(lock), place_(ledger.queue_.insert(ledger.queue_.end(), {Clock::now()})) {}
  ~Place() {
    if (!lock_.owns_lock()) lock_.lock();
    ledger_.queue_.erase(place_);
    ++ledger_.version_;
    ledger_.changed_.notify_all();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool is_first() const { return place_ == ledger_.queue_.begin(); }

 private:
  MemoryLedger& ledger_;
  std::unique_lock<std::mutex>& lock_;
  std::list<Waiter>::iterator place_;
};

Result<std::shared_ptr<MemoryGrant>> MemoryLedger::reserve(std::uint64_t bytes, const std::stop_token& stop,
                                                           Clock::time_point deadline) {
  // First of all: once the bytes are taken nothing may fail.
  auto grant = std::make_shared<Grant>(shared_from_this(), 0);
  std::unique_lock lock(mutex_);
  const Place place(*this, lock);
  while (true) {
    const std::uint64_t seen = version_;
    auto outcome = Reclaimer::Outcome::Busy;
    if (place.is_first()) {
      const auto made = take_or_reclaim(lock, bytes, nullptr);
      if (!made) {
        grant->add(bytes);
        return grant;
      }
      outcome = *made;
    }
    if (outcome == Reclaimer::Outcome::Freed) continue;
    if (stop.stop_requested()) return cancelled();
    // What was true when the reclaimer looked need not be any more.
    if (outcome == Reclaimer::Outcome::Nothing && version_ == seen) {
      lock.unlock();
      return refusal(bytes);
    }
    // Models settle, and other programs end, without a word.
    const auto until = std::min(deadline, Clock::now() + kLookAgain);
    changed_.wait_until(lock, stop, until, [&] { return version_ != seen; });
    if (Clock::now() >= deadline && !stop.stop_requested()) return held_by_others(bytes);
  }
}

// Says since when a grant has been waiting to become larger, until the waiting ends, however it does.
class MemoryLedger::Growing {
 public:
  Growing(MemoryLedger& ledger, std::unique_lock<std::mutex>& lock) : ledger_(ledger), lock_(lock) {}
  ~Growing() {
    if (!waits_) return;
    if (!lock_.owns_lock()) lock_.lock();
    ledger_.growing_.reset();
  }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;
  bool waits() const noexcept { return waits_; }
  void wait() {
    if (!std::exchange(waits_, true)) ledger_.growing_ = Clock::now();
  }

 private:
  MemoryLedger& ledger_;
  std::unique_lock<std::mutex>& lock_;
  bool waits_ = false;
};

// For a context that a model needs larger. It holds memory already: were it to wait for another model that
// does the same, neither would go on.
Result<void> MemoryLedger::grow(Grant& grant, std::uint64_t bytes, const std::stop_token& stop,
                                const MemoryGrant::KeepWaiting& waits) {
  using Outcome = Reclaimer::Outcome;
  std::unique_lock lock(mutex_);
  Growing growing(*this, lock);
  while (true) {
    const std::uint64_t seen = version_;
    const auto made = take_or_reclaim(lock, bytes, &grant);
    if (!made) {
      grant.add(bytes);
      return {};
    }
    const Outcome outcome = *made;
    bool goes_on = true;
    if (outcome == Outcome::Busy) {
      lock.unlock();
      goes_on = waits && waits();
      lock.lock();
    }
    if (outcome == Outcome::Freed) continue;
    // The holder may be among the models that go, and wait for this call to end.
    if (stop.stop_requested()) return cancelled();
    if (outcome == Outcome::Nothing && version_ == seen) {
      lock.unlock();
      return refusal(bytes);
    }
    if (!goes_on || (outcome == Outcome::Busy && growing_ && !growing.waits())) return held_by_others(bytes);
    if (outcome == Outcome::Busy) growing.wait();
    changed_.wait_for(lock, kLookAgain, [&] { return version_ != seen; });
  }
}

bool MemoryLedger::grow_if_free(Grant& grant, std::uint64_t bytes) {
  const std::uint64_t available = available_();
  const std::lock_guard lock(mutex_);
  if (missing(bytes, available) > 0) return false;
  granted_ += bytes;
  grant.add(bytes);
  return true;
}

void MemoryLedger::release(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    granted_ -= std::min(bytes, granted_);
    ++version_;
  }
  changed_.notify_all();
}

void MemoryLedger::notify() {
  release(0);
}

std::uint64_t MemoryLedger::granted_bytes() const {
  const std::lock_guard lock(mutex_);
  return granted_;
}

std::uint64_t MemoryLedger::attainable_bytes() const {
  std::unique_lock lock(mutex_);
  Reclaimer* const reclaimer = reclaimer_;
  const std::uint64_t granted = granted_;
  lock.unlock();
  const std::uint64_t pinned = reclaimer == nullptr ? granted : reclaimer->pinned_bytes();
  const std::uint64_t available = available_();
  const std::uint64_t freed = subtract(granted, pinned);
  const std::uint64_t from_system = available > kUnlimitedMemory - freed ? available : available + freed;
  return std::min(subtract(budget_, pinned), from_system);
}

std::uint64_t MemoryLedger::free_bytes() const {
  const std::uint64_t available = available_();
  const std::lock_guard lock(mutex_);
  return std::min(subtract(budget_, granted_), available);
}

std::optional<MemoryLedger::Clock::time_point> MemoryLedger::waiting_since() const {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return growing_;
  return std::min(queue_.front().since, growing_.value_or(queue_.front().since));
}

}  // namespace minerva
