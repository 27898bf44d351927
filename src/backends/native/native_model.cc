#include "backends/native/native_model.h"

#include <utility>

#include "backends/native/native_context.h"

namespace minerva {

NativeModel::NativeModel(native::DecoderSpec spec, native::DecoderWeights weights, NumericMode mode)
    : spec_(std::move(spec)), weights_(std::move(weights)), mode_(mode) {
  info_ = {.vocabulary_size = static_cast<std::size_t>(spec_.vocabulary),
           .hidden_size = static_cast<std::size_t>(spec_.hidden),
           .context_length = spec_.context_length,
           .weights_bytes = weights_.checkpoint->tensor_bytes() + weights_.owned_bytes,
           .numeric_mode = mode == NumericMode::Exact ? "exact" : "fast"};
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
