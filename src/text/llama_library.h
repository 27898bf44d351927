// libllama as a whole: started once, its log and its aborts turned into ours.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// Starts libllama (idempotent, thread-safe). Its log goes to ours at debug level.
void start_llama_library();

/// Runs `work`, which calls libllama, on this thread. What libllama does on this thread when something is
/// wrong — an exception, a failed assertion, a null pointer, a division by zero — becomes a ModelLoading
/// error that says `what` failed and why. The files were checked before, so this is the second line of
/// defence: after an assertion or fault, what `work` held may be leaked and must not be used again. When
/// `work` itself returns false, the error's reason is what libllama logged first.
Result<void> guard_llama(std::string_view what, const std::function<bool()>& work);

}  // namespace minerva
