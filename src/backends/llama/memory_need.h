// How much memory llama.cpp will take for a model and a context, told before it is asked.
#pragma once

#include <cstdint>

#include "backends/backend.h"

namespace minerva {

/// Rows of logits that one call of llama_decode gives: llama.cpp reserves working memory for that many.
std::uint32_t logits_rows_at_once(const ContextOptions& options, std::size_t vocabulary_size);

/// Bytes of the KV cache with `cells` cells.
std::uint64_t kv_bytes_of(const ModelDescription& description, std::uint32_t cells,
                          const ContextOptions& options);

Result<MemoryNeed> estimate_memory(const ModelDescription& description, const LoadOptions& load,
                                   const ContextOptions& context);

}  // namespace minerva
