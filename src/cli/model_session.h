// Opening a model for a command: locate, progress bar, Ctrl-C.
#pragma once

#include <memory>
#include <stop_token>

#include "base/error.h"
#include "cli/console.h"
#include "cli/flags.h"
#include "cli/generation_json.h"
#include "minerva/engine.h"

namespace minerva::cli {

/// What a command that runs a model keeps.
struct OpenModel {
  std::unique_ptr<Engine> engine;
  std::shared_ptr<LoadedModel> model;
};

/// The engine as the flags want it.
EngineOptions engine_options(const EngineFlags& flags);

/// Opens the model at `path` with a progress bar when it takes long. `stop` cancels. Sampling options that
/// are out of range are refused before anything is loaded.
Result<OpenModel> open_model(const std::filesystem::path& path, const EngineFlags& flags,
                             const SamplingOptions& sampling, Console& console, const std::stop_token& stop);

/// Says on standard error what the model's files recommend and is not followed, unless nothing of it is.
void tell_notes(const LoadedModel& model, const GenerationFlags& flags, Console& console);

/// What the JSON output says of a model.
ModelFacts facts_of(const LoadedModel& model);

}  // namespace minerva::cli
