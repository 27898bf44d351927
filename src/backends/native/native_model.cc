#include "backends/native/native_model.h"

#include <algorithm>
#include <utility>

#include "backends/native/native_context.h"
#include "native/forward.h"
#include "native/kv_cache.h"

namespace minerva {

NativeModel::NativeModel(native::DecoderSpec spec, native::DecoderWeights weights,
                         std::uint64_t weights_bytes, NumericMode mode)
    : spec_(std::move(spec)), weights_(std::move(weights)), weights_bytes_(weights_bytes), mode_(mode) {
  info_ = {.vocabulary_size = static_cast<std::size_t>(spec_.vocabulary),
           .hidden_size = static_cast<std::size_t>(spec_.hidden),
           .context_length = spec_.context_length,
           .weights_bytes = weights_.checkpoint->tensor_bytes() + weights_.owned_bytes,
           .numeric_mode = mode == NumericMode::Exact ? "exact" : "fast"};
}

MemoryNeed NativeModel::memory_needed(const native::DecoderSpec& spec, std::uint64_t weights_bytes,
                                      NumericMode mode, const ContextOptions& context) noexcept {
  const std::uint64_t cells = context.context_tokens > 0 ? context.context_tokens : spec.context_length;
  return {.weights_bytes = weights_bytes,
          .kv_bytes = native::SequenceCache::bytes_needed(spec, kv_type(mode), cells, context.sequences_max),
          .compute_bytes = native::ForwardPass::working_bytes(
              spec, std::min<std::uint64_t>(context.batch_tokens, cells), context.sequences_max)};
}

Result<std::unique_ptr<Context>> NativeModel::new_context(const ContextOptions& options) {
  return std::make_unique<NativeContext>(shared_from_this(), options);
}

const Error* NativeModel::poisoned() const noexcept {
  auto problem = weights_.checkpoint->problem();
  if (!problem) return nullptr;
  std::call_once(poison_once_, [&] { poison_ = std::move(*problem); });
  return &poison_;
}

}  // namespace minerva
