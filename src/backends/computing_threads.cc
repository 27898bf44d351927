#include "backends/computing_threads.h"

#include <algorithm>
#include <cmath>

namespace minerva {

int computing_threads(const CpuInfo& cpu) noexcept {
  constexpr unsigned kMost = 1U << 20U;
  const auto usable = static_cast<int>(std::clamp(cpu.usable_cores, 1U, kMost));
  if (cpu.quota_cores <= 0 || cpu.quota_cores >= usable) return usable;
  return std::max(static_cast<int>(std::ceil(cpu.quota_cores)), 1);
}

}  // namespace minerva
