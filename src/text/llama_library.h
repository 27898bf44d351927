// libllama as a whole: started once, its log and its aborts turned into ours.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// Starts libllama (idempotent, thread-safe). Its log goes to spdlog at debug level.
void start_llama_library();

/// Runs `work`, which calls libllama, on this thread. An exception or a failed assertion of libllama's, and
/// only on this thread, becomes a ModelLoading error that says `what` failed and why; the files were checked
/// before, so this is the second line of defence and may leak what `work` held. When `work` itself returns
/// false, the error's reason is what libllama logged last.
Result<void> guard_llama(std::string_view what, const std::function<bool()>& work);

}  // namespace minerva
