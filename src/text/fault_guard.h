// Code of others that may dereference null or divide by zero, run without dying of it.
#pragma once

#include <functional>

namespace minerva {

enum class Fault { None, NullPointer, DivisionByZero };

/// Runs `work` on this thread. A null pointer (an address below 64 KiB) or a division by zero on this thread
/// ends `work` where it stands: nothing is unwound, so what it allocated is leaked and what it locked stays
/// locked. Both happen before anything is overwritten, which is what makes going on sound; any other fault
/// has its usual effect. May be nested. Exceptions of `work` pass through.
Fault run_guarded(const std::function<void()>& work);

}  // namespace minerva
