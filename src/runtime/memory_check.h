// Does a model fit? Decided before anything is loaded.
#pragma once

#include <cstdint>

#include "backends/backend.h"

namespace minerva {

/// Passes when weights, KV cache and working memory fit into `available_bytes`; else OutOfMemory with both
/// numbers and what would fit: a smaller context, or a smaller quantisation with its size.
Result<void> check_memory(const InferenceBackend& backend, const ModelDescription& description,
                          const LoadOptions& load, const ContextOptions& context,
                          std::uint64_t available_bytes);

}  // namespace minerva
