// A Hugging Face directory as the GGUF file that llama.cpp runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>

#include "base/error.h"
#include "minerva/model_description.h"
#include "minerva/types.h"

namespace minerva::convert {

/// What matrices are stored as. Stored: the type they have in the directory.
enum class WeightType : std::uint8_t { Stored, F32, F16, BF16, Q8_0 };

/// Whether llama.cpp would compute what the checkpoint means once it is converted. Errors: InvalidRequest
/// with the reason: an architecture that is not converted, or something in this checkpoint that llama.cpp
/// computes differently. Reads config.json only.
Result<void> can_convert(const ModelDescription& description);

/// Writes `out` (in one step: a temporary file, then renamed). `progress`: fraction done, false cancels.
/// Errors: those of can_convert; ModelLoading (damaged checkpoint), InvalidRequest (`out` cannot be written,
/// with the reason), Cancelled.
Result<void> to_gguf(const ModelDescription& description, const std::filesystem::path& out, WeightType type,
                     const LoadProgress& progress);

/// Bytes that the GGUF will have, about.
Result<std::uint64_t> gguf_bytes(const ModelDescription& description, WeightType type);

/// Converted models in a folder, bounded in bytes, least recently used out first. Safe for several threads
/// and processes at once.
class ConversionCache {
 public:
  ConversionCache(std::filesystem::path folder, std::uint64_t bytes_max);
  /// The GGUF of `description` in the stored type, converted when it is not there or the directory's files
  /// have changed. One conversion for callers that come together.
  Result<std::filesystem::path> get(const ModelDescription& description, const LoadProgress& progress);

 private:
  std::filesystem::path folder_;
  std::uint64_t bytes_max_;
};

}  // namespace minerva::convert
