// How much of the calling thread's stack is left, for code that recurses on what a file or a request says.
#pragma once

#include <cstddef>

namespace minerva {

/// Bytes between the caller's frame and the end of its thread's stack; 0 when the system does not say. The
/// main thread's figure is its soft limit at the first call. Thread-safe; the first call of a thread costs
/// some 50 us.
std::size_t stack_bytes_left() noexcept;

}  // namespace minerva
