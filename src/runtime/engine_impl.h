// What stands behind Engine.
#pragma once

#include <filesystem>
#include <memory>

#include "minerva/engine.h"
#include "runtime/router.h"

namespace minerva {

class EngineImpl : public std::enable_shared_from_this<EngineImpl> {
 public:
  /// Tests give backends of their own.
  EngineImpl(const EngineOptions& options, Backends backends);

  Result<std::shared_ptr<LoadedModel>> open(const std::filesystem::path& path, const ModelOptions& options,
                                            const LoadProgress& progress);
  const Backends& backends() const noexcept { return backends_; }

 private:
  Result<std::shared_ptr<Model>> load_with(InferenceBackend& backend, const ModelDescription& description,
                                           const ModelOptions& options, const LoadProgress& progress) const;

  EngineOptions options_;
  Backends backends_;
};

}  // namespace minerva
