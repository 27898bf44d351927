// Threads for llama.cpp's computations.
#pragma once

#include <memory>
#include <mutex>

#include "base/error.h"

struct ggml_threadpool;

namespace minerva {

/// A ggml thread pool, made once per number of threads and shared by all contexts of the process. It computes
/// one graph at a time: whoever computes holds `mutex()`.
class GgmlThreadPool {
 public:
  /// `threads` in [1, 512]. Errors: OutOfMemory when the system gives no more threads. Thread-safe.
  static Result<std::shared_ptr<GgmlThreadPool>> shared(int threads);
  ~GgmlThreadPool();
  GgmlThreadPool(const GgmlThreadPool&) = delete;
  GgmlThreadPool& operator=(const GgmlThreadPool&) = delete;

  int threads() const noexcept { return threads_; }
  ggml_threadpool* get() const noexcept { return pool_; }
  std::mutex& mutex() noexcept { return mutex_; }

 private:
  GgmlThreadPool(ggml_threadpool* pool, int threads) : pool_(pool), threads_(threads) {}

  ggml_threadpool* pool_;
  int threads_;
  std::mutex mutex_;
};

/// How many threads to compute with when `wanted` is 0: one per core this process may use.
int choose_threads(int wanted);

}  // namespace minerva
