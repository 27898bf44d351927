// How much memory this process may still take, and how much it has.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace minerva {

/// "No limit known."
inline constexpr std::uint64_t kUnlimitedMemory = std::numeric_limits<std::uint64_t>::max();

/// Where the numbers come from; tests give their own.
class MemoryProbe {
 public:
  virtual ~MemoryProbe() = default;
  /// The content of a file under /proc or /sys, or nothing.
  virtual std::optional<std::string> read(const std::string& path) const = 0;
  /// The soft limit on address space (RLIMIT_AS), or nothing.
  virtual std::optional<std::uint64_t> address_space_limit() const = 0;
};

/// The probe of the running system. Thread-safe.
const MemoryProbe& system_memory_probe() noexcept;

/// Bytes this process may still take: the smallest of what the system has available, what each control group
/// (v1 or v2, up to the root) leaves, what RLIMIT_AS leaves beside address space that is never touched, and
/// `limit_bytes` (0: none) less what this process already holds. Page cache counts as free. kUnlimitedMemory
/// where nothing is known. Thread-safe.
std::uint64_t available_memory_bytes(std::uint64_t limit_bytes = 0,
                                     const MemoryProbe& probe = system_memory_probe());

/// Bytes of memory this process holds now, and the most it has held (VmRSS and VmHWM); 0 where unknown.
std::uint64_t resident_bytes(const MemoryProbe& probe = system_memory_probe());
std::uint64_t peak_resident_bytes(const MemoryProbe& probe = system_memory_probe());

}  // namespace minerva
