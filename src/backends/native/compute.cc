#include "backends/native/compute.h"

#include <map>

#include "backends/computing_threads.h"

namespace minerva {

std::shared_ptr<NativeCompute> NativeCompute::shared(int threads) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<NativeCompute>> pools;
  if (threads <= 0) threads = computing_threads(cpu_info());
  const std::lock_guard lock(mutex);
  auto pool = pools[threads].lock();
  if (pool == nullptr) pools[threads] = pool = std::make_shared<NativeCompute>(threads);
  return pool;
}

}  // namespace minerva
