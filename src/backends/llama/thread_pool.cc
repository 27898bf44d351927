#include "backends/llama/thread_pool.h"

#include <fmt/format.h>
#include <ggml-cpu.h>

#include <algorithm>
#include <map>

#include "backends/computing_threads.h"
#include "text/llama_library.h"

namespace minerva {
namespace {

constexpr int kThreadsMax = GGML_MAX_N_THREADS;

}  // namespace

Result<std::shared_ptr<GgmlThreadPool>> GgmlThreadPool::shared(int threads) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<GgmlThreadPool>> pools;
  const std::lock_guard lock(mutex);
  if (auto pool = pools[threads].lock()) return pool;

  ggml_threadpool* raw = nullptr;
  const auto made = guard_llama("start threads", [&] {
    ggml_threadpool_params params = ggml_threadpool_params_default(threads);
    raw = ggml_threadpool_new(&params);
    return raw != nullptr;
  });
  if (!made) {
    return fail(ErrorCode::OutOfMemory, fmt::format("{} threads cannot be started", threads),
                "Use fewer threads (-t N), or raise the limit on processes (ulimit -u).");
  }
  std::shared_ptr<GgmlThreadPool> pool(new GgmlThreadPool(raw, threads));
  pools[threads] = pool;
  return pool;
}

GgmlThreadPool::~GgmlThreadPool() {
  ggml_threadpool_free(pool_);
}

int choose_threads(int wanted) {
  if (wanted > 0) return std::min(wanted, kThreadsMax);
  return std::min(computing_threads(cpu_info()), kThreadsMax);
}

}  // namespace minerva
