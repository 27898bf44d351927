// The step that makes a GGUF of a Hugging Face directory for a backend that runs GGUF files only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "minerva/engine.h"
#include "minerva/model_description.h"
#include "runtime/config_file.h"

namespace minerva {

/// Thread-safe.
class Converter {
 public:
  virtual ~Converter() = default;
  /// Errors: InvalidRequest with the reason. Reads config.json only.
  virtual Result<void> can_convert(const ModelDescription& directory) const = 0;
  /// Bytes that the GGUF will have, about.
  virtual Result<std::uint64_t> gguf_bytes(const ModelDescription& directory) const = 0;
  /// The directory's GGUF, described; made when it is not there yet. `progress`: fraction done, false
  /// cancels. Errors: those of can_convert, ModelLoading, Cancelled.
  virtual Result<ModelDescription> get(const ModelDescription& directory, const LoadProgress& progress) = 0;
};

/// Where converted models are kept: a folder of `options.cache_folder`, $MINERVA_CACHE,
/// $XDG_CACHE_HOME/minerva or ~/.cache/minerva. Empty: nowhere.
std::filesystem::path conversion_folder(const EngineOptions& options, const Environment& environment);

/// Converts into conversion_folder().
std::shared_ptr<Converter> make_converter(const EngineOptions& options, const Environment& environment);

/// What runs when `gguf` was made of `directory`: the GGUF's weights and dimensions, while path, name,
/// tokenizer, templates and sampling defaults are the directory's own.
ModelDescription converted_description(const ModelDescription& directory, ModelDescription gguf);

}  // namespace minerva
