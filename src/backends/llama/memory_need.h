// How much memory llama.cpp will take for a model and a context, told before it is asked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/backend.h"
#include "backends/llama/preflight.h"
#include "formats/gguf/split.h"

namespace minerva {

/// llama.cpp computes at most so many rows at once; more would only cost memory.
inline constexpr std::uint32_t kMicroBatchRows = 512;

/// Rows of logits that one call of llama_decode gives: llama.cpp reserves working memory for that many.
std::uint32_t logits_rows_at_once(const ContextOptions& options, std::size_t vocabulary_size) noexcept;

/// Bytes of what llama.cpp keeps of earlier tokens in a context of `cells` cells (a multiple of 256).
std::uint64_t cache_bytes(const Preflight& preflight, std::uint32_t cells,
                          const ContextOptions& options) noexcept;

/// Bytes of the weights and the vocabulary.
std::uint64_t weights_memory(const gguf::Model& model, const Preflight& preflight,
                             const LoadOptions& load) noexcept;

/// The whole need of a model with such weights. Measured within 32 MB of the peak on the models of
/// tests/model.
MemoryNeed estimate_memory(const Preflight& preflight, std::uint64_t weights_bytes,
                           const ContextOptions& context) noexcept;

}  // namespace minerva
