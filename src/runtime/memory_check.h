// Does a model fit? Decided before anything is loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "backends/backend.h"

namespace minerva {

/// Passes when weights, KV cache and working memory fit into `available_bytes`; else OutOfMemory with both
/// numbers and all that would fit: a smaller context, another backend of `others` (this one and those that do
/// not support the model as it is are passed over), or a smaller quantisation with its size.
Result<void> check_memory(const InferenceBackend& backend, const ModelDescription& description,
                          const LoadOptions& load, const ContextOptions& context,
                          std::uint64_t available_bytes,
                          std::span<const std::shared_ptr<InferenceBackend>> others = {});

}  // namespace minerva
