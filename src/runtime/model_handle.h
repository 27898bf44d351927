// What stands behind LoadedModel: which model it means, and the engine that can bring it back. It holds no
// memory of the model itself.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/engine_impl.h"
#include "text/chat_template/chat_template.h"

namespace minerva {

class ModelHandle {
 public:
  /// What LoadedModel says of the model without having it.
  struct Facts {
    ModelDescription description;
    std::string numeric_mode;
  };
  ModelHandle(std::shared_ptr<EngineImpl> engine, OpenedModel opened, Facts facts)
      : engine_(std::move(engine)), opened_(std::move(opened)), facts_(std::move(facts)) {}

  const OpenedModel& opened() const noexcept { return opened_; }
  const Facts& facts() const noexcept { return facts_; }

  /// For a call that does not compute.
  Result<ModelCache::Lease> lease();
  Result<std::shared_ptr<const ChatTemplate>> chat_template(bool for_tools);
  Result<Generation> generate(const GenerationRequest& request, const TextCallback& on_text);

 private:
  std::shared_ptr<EngineImpl> engine_;
  OpenedModel opened_;
  Facts facts_;
  std::mutex mutex_;                                              // guards templates_
  std::array<std::shared_ptr<const ChatTemplate>, 2> templates_;  // by `for_tools`
};

}  // namespace minerva
