// What stands behind LoadedModel: which resident model it means, and the engine that can bring it back.
#pragma once

#include <memory>

#include "runtime/engine_impl.h"
#include "runtime/resident_model.h"

namespace minerva {

class ModelHandle {
 public:
  ModelHandle(std::shared_ptr<EngineImpl> engine, std::shared_ptr<ResidentModel> resident)
      : engine_(std::move(engine)), resident_(std::move(resident)) {}
  ResidentModel& resident() const noexcept { return *resident_; }

 private:
  std::shared_ptr<EngineImpl> engine_;
  std::shared_ptr<ResidentModel> resident_;
};

}  // namespace minerva
