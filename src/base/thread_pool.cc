#include "base/thread_pool.h"

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace minerva {
namespace {

using Clock = std::chrono::steady_clock;

// Regions of a forward pass follow each other within microseconds; waking a sleeping thread takes tens.
constexpr auto kSpinOnly = std::chrono::microseconds(50);
constexpr auto kSpinAndYield = std::chrono::microseconds(300);
constexpr int kPausesBetweenLooks = 32;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Spins until `ready()`; gives the core away in between when it takes long. False when `limit` passed first.
template <class Ready>
bool spin_until(Ready ready, Clock::duration limit) {
  for (int i = 0; i < kPausesBetweenLooks; ++i) {
    if (ready()) return true;
    pause_briefly();
  }
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < kPausesBetweenLooks; ++i) {
      if (ready()) return true;
      pause_briefly();
    }
    const auto waited = Clock::now() - start;
    if (waited > limit) return false;
    if (waited > kSpinOnly) std::this_thread::yield();
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads) : size_(threads < 1 ? 1 : threads) {
  threads_.reserve(static_cast<std::size_t>(size_ - 1));
  try {
    for (int thread = 1; thread < size_; ++thread) {
      threads_.emplace_back([this, thread] { work(thread); });
    }
  } catch (...) {  // those that did start end, as in the destructor, which is not called
    {
      const std::scoped_lock lock(mutex_);
      stop_.store(true);
      epoch_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::scoped_lock lock(mutex_);
    stop_.store(true);
    epoch_.fetch_add(1);
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::run_task(Task task, void* context) {
  if (size_ == 1) {
    task(context, 0);
    return;
  }
  task_ = task;
  context_ = context;
  running_.store(size_ - 1, std::memory_order_relaxed);
  // Sequentially consistent, as is a sleeper's count before it looks at the epoch: one of the two sees the
  // other.
  epoch_.fetch_add(1);
  if (sleeping_.load() > 0) {
    {
      const std::scoped_lock lock(mutex_);
    }
    wake_.notify_all();
  }
  task(context, 0);
  spin_until([this] { return running_.load(std::memory_order_acquire) == 0; }, Clock::duration::max());
}

std::uint64_t ThreadPool::await_epoch(std::uint64_t seen) {
  if (!spin_until([&] { return epoch_.load(std::memory_order_acquire) != seen; }, kSpinAndYield)) {
    std::unique_lock lock(mutex_);
    sleeping_.fetch_add(1);
    wake_.wait(lock, [&] { return epoch_.load() != seen; });
    sleeping_.fetch_sub(1);
  }
  return epoch_.load(std::memory_order_acquire);
}

void ThreadPool::work(int thread) {
  std::uint64_t seen = 0;
  for (;;) {
    seen = await_epoch(seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    task_(context_, thread);
    running_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace minerva
