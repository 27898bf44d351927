#include "cli/model_session.h"

#include "base/memory.h"
#include "base/terminal.h"
#include "cli/progress_bar.h"
#include "runtime/sampling_settings.h"

namespace minerva::cli {

EngineOptions engine_options(const EngineFlags& flags) {
  EngineOptions options;
  // The limit is for the whole process; the engine counts what models take.
  if (flags.memory_limit_bytes > 0) {
    const std::uint64_t own = resident_bytes();
    options.memory_limit_bytes = flags.memory_limit_bytes > own ? flags.memory_limit_bytes - own : 1;
  }
  return options;
}

Result<OpenModel> open_model(const std::filesystem::path& path, const EngineFlags& flags,
                             const SamplingOptions& sampling, Console& console, const std::stop_token& stop) {
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  SamplingOptions checked = sampling;
  if (description.vocabulary_size == 0) checked.logit_bias.clear();  // not known before loading
  MINERVA_TRY(resolve_sampling(checked, description.sampling, description.vocabulary_size));
  OpenModel open;
  open.engine = std::make_unique<Engine>(engine_options(flags));
  ProgressBar bar("loading " + path.filename().string(), console);
  auto model = open.engine->open(
      path, flags.options,
      [&](float fraction) {
        bar.update(fraction);
        return !stop.stop_requested();
      },
      stop);
  bar.finish();
  if (!model) return std::unexpected(std::move(model).error());
  if (!flags.options.use_mmap && (*model)->backend() == "native") {
    return invalid_request(
        "--no-mmap is given, and the native backend, which runs this model, always maps files",
        "Leave it out, or let llama.cpp run the model: --backend llama.");
  }
  open.model = std::move(*model);
  return open;
}

void tell_notes(const LoadedModel& model, const GenerationFlags& flags, Console& console) {
  if (flags.ignore_recommendations) return;
  for (const std::string& note : model.description().notes) console.note("note: " + printable(note));
}

ModelFacts facts_of(const LoadedModel& model) {
  return {.model = model.description().path.string(),
          .format = std::string(format_name(model.description().format)),
          .backend = std::string(model.backend()),
          .backend_reason = std::string(model.backend_reason()),
          .fallbacks = model.fallbacks(),
          .numeric_mode = std::string(model.numeric_mode()),
          .notes = model.description().notes,
          .recommended = model.description().sampling};
}

}  // namespace minerva::cli
