#include "runtime/model_handle.h"

#include <utility>

#include "runtime/generator.h"

namespace minerva {

using Clock = ModelCache::Clock;

Result<ModelCache::Lease> ModelHandle::lease() {
  return engine_->lease(opened_, LeasePurpose::Look, {}, Clock::time_point::max());
}

Result<std::shared_ptr<const ChatTemplate>> ModelHandle::chat_template(bool for_tools) {
  auto& kept = templates_[for_tools ? 1 : 0];
  {
    const std::lock_guard lock(mutex_);
    if (kept != nullptr) return kept;
  }
  MINERVA_ASSIGN(const auto held, lease());
  MINERVA_ASSIGN(auto parsed, held.model().chat_template(for_tools));
  const std::lock_guard lock(mutex_);
  kept = std::move(parsed);
  return kept;
}

Result<Generation> ModelHandle::generate(const GenerationRequest& request, const TextCallback& on_text) {
  const auto start = Clock::now();
  MINERVA_ASSIGN(const auto deadline, deadline_of(request, start));
  auto held = engine_->lease(opened_, LeasePurpose::Generate, request.cancel,
                             deadline.value_or(Clock::time_point::max()));
  if (!held) {
    if (held.error().code == ErrorCode::Cancelled) return cancelled_generation(start);
    return std::unexpected(std::move(held).error());
  }
  return held->model().generate(request, on_text, start);
}

}  // namespace minerva
