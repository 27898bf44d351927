// What `minerva run` was asked to do.
#pragma once

#include <optional>
#include <vector>

#include "cli/flags.h"

namespace minerva::cli {

struct RunOptions {
  ModelFlags model;
  TextFlags text;
  GenerationFlags generation;
  EngineFlags engine;
  bool raw = false;
  std::optional<std::vector<TokenId>> prompt_ids;
};

/// Declares every flag of `run`.
void declare_run(Arguments& arguments, RunOptions& options, CommonFlags& common);

/// Refuses flags that contradict each other or would be ignored. Errors: InvalidRequest.
Result<void> check_run(const RunOptions& options, const CommonFlags& common);

}  // namespace minerva::cli
