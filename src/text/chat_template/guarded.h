// Runs llama.cpp's chat-template code within the limits of a TemplateLimits. Everything of llama.cpp that
// parses, analyses or executes a template must be called through here: its interpreter has no bounds but the
// hooks that cmake/llama/guard_jinja.cmake inserts, and those count only while a guard is armed.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"
#include "text/chat_template/chat_template.h"

namespace minerva {

/// Which error a failure becomes.
enum class TemplateStage {
  Loading,    ///< parsing and analysing: ModelLoading
  Rendering,  ///< with a user's messages: InvalidRequest
};

/// Calls `work` with a guard armed on this thread and turns what goes wrong into an Error: a limit exceeded
/// (also one that the called code swallowed), the template's own raise_exception(), a syntax or type error,
/// lack of memory. `source` is the template, for line numbers. Values of the interpreter must not outlive
/// `work`.
Result<void> run_guarded(const TemplateLimits& limits, TemplateStage stage, std::string_view source,
                         const std::function<void()>& work);

}  // namespace minerva
