// Persistent threads for short parallel regions (microseconds), as in a forward pass.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace minerva {

/// Runs a function on a fixed number of threads, the caller being the first of them. Waiting threads spin
/// briefly, then sleep. One region at a time: calls from several threads, or from inside a region, are not
/// allowed. What the function does must not throw.
class ThreadPool {
 public:
  /// `threads` >= 1 in all; 1 starts none and runs everything inline.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const noexcept { return size_; }

  /// Calls `fn(thread)` once on every thread, 0 <= thread < size(), and returns when all have.
  template <class Fn>
  void run(Fn&& fn) {
    run_task([](void* context, int thread) { (*static_cast<std::remove_reference_t<Fn>*>(context))(thread); },
             const_cast<void*>(static_cast<const void*>(&fn)));
  }

  /// Splits [0, n) evenly into at most size() ranges and calls `fn(begin, end, thread)` for each that is not
  /// empty.
  template <class Fn>
  void parallel_for(std::int64_t n, Fn&& fn) {
    if (size_ == 1 || n <= 1) {
      if (n > 0) fn(std::int64_t{0}, n, 0);
      return;
    }
    run([&](int thread) {
      const std::int64_t begin = n * thread / size_;
      const std::int64_t end = n * (thread + 1) / size_;
      if (begin < end) fn(begin, end, thread);
    });
  }

 private:
  using Task = void (*)(void* context, int thread);

  void run_task(Task task, void* context);
  void work(int thread);
  std::uint64_t await_epoch(std::uint64_t seen);

  int size_;
  Task task_ = nullptr;
  void* context_ = nullptr;
  // A cache line each: the caller writes the first, the workers the second. Gaps, not alignas: a pool may
  // stand on a stack that is aligned less (AddressSanitizer's).
  [[maybe_unused]] std::byte before_epoch_[64]{};
  std::atomic<std::uint64_t> epoch_{0};
  [[maybe_unused]] std::byte before_running_[64]{};
  std::atomic<int> running_{0};
  [[maybe_unused]] std::byte before_sleeping_[64]{};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace minerva
