// How many threads compute where nobody says.
#pragma once

#include "base/cpu.h"

namespace minerva {

/// What affinity and the control group's quota leave, one at least: threads beyond the quota only wait for
/// their next slice of time, and the others wait for them.
int computing_threads(const CpuInfo& cpu) noexcept;

}  // namespace minerva
