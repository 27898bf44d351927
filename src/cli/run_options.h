// What `minerva run` was asked to do.
#pragma once

#include <optional>
#include <vector>

#include "cli/flags.h"

namespace minerva::cli {

struct RunOptions {
  ModelFlags model;
  TextFlags text;
  TemplateFlags chat_template;
  std::optional<std::string> messages;  ///< a file: the conversation as JSON, instead of a text
  std::optional<std::string> prefill;   ///< how the answer begins
  GenerationFlags generation;
  EngineFlags engine;
  bool raw = false;
  std::optional<std::vector<TokenId>> prompt_ids;
};

/// Declares every flag of `run`.
void declare_run(Arguments& arguments, RunOptions& options, CommonFlags& common);

/// Settles what the positional arguments are. Refuses flags that contradict each other or would be ignored.
/// Errors: InvalidRequest.
Result<void> check_run(RunOptions& options, const CommonFlags& common);

}  // namespace minerva::cli
