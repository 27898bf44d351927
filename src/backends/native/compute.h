// The threads and kernels that native models compute with: one decode step at a time has them.
#pragma once

#include <memory>
#include <mutex>

#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace minerva {

/// A thread pool with its kernels. Contexts that were opened with the same number of threads share one.
class NativeCompute {
 public:
  explicit NativeCompute(int threads) : pool_(threads), kernels_(kernels::best_isa(), pool_) {}

  /// The pool for `threads` (0: one per core this process may use), made once. Thread-safe.
  static std::shared_ptr<NativeCompute> shared(int threads);

  /// Holds the threads while it lives.
  [[nodiscard]] std::unique_lock<std::mutex> acquire() { return std::unique_lock(mutex_); }
  /// Use only while holding.
  kernels::Kernels& kernels() noexcept { return kernels_; }

 private:
  std::mutex mutex_;
  ThreadPool pool_;
  kernels::Kernels kernels_;
};

}  // namespace minerva
