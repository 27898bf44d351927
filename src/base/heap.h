// The heap of the C library.
#pragma once

namespace minerva {

/// Gives freed heap memory back to the system, where the C library would keep it for later. Some
/// milliseconds; thread-safe; does nothing where the library has no such call.
void trim_heap() noexcept;

}  // namespace minerva
