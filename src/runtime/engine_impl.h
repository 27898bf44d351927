// What stands behind Engine.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <vector>

#include "minerva/engine.h"
#include "runtime/config_file.h"
#include "runtime/model_cache.h"
#include "runtime/model_loader.h"
#include "runtime/router.h"

namespace minerva {

/// How a model was opened: all that is needed to bring it back.
struct OpenedModel {
  ModelKey key;
  FileIdentity identity;
  std::filesystem::path path;  ///< as the user knows it
  ModelOptions options;
  std::string backend;  ///< the one that runs it
  LoadOrder::Decision decision;
};

class EngineImpl : public std::enable_shared_from_this<EngineImpl> {
 public:
  /// What tests put in the place of the real thing.
  struct Seams {
    Backends backends;
    Environment environment = process_environment;
    std::shared_ptr<Converter> converter = {};       ///< null: the real one
    MemoryLedger::Available available_memory = {};   ///< empty: the system's
    CacheSettings cache = {};                        ///< keep_alive comes from the options
    ModelLoader::LoadTokenizer load_tokenizer = {};  ///< empty: the real one
    std::chrono::milliseconds room_wait_max = std::chrono::minutes(10);
  };
  EngineImpl(EngineOptions options, Seams seams);

  Result<std::shared_ptr<LoadedModel>> open(const std::filesystem::path& path, const ModelOptions& options,
                                            const LoadProgress& progress, const std::stop_token& cancel);
  /// The model of a handle, loaded again where it was evicted: by the same backend, from the same files.
  Result<ModelCache::Lease> lease(const OpenedModel& opened, LeasePurpose purpose, std::stop_token stop,
                                  ModelCache::Clock::time_point deadline);

  const Backends& backends() const noexcept { return loader_.parts().backends; }
  ModelCache& cache() noexcept { return cache_; }
  const MemoryLedger& ledger() const noexcept { return *ledger_; }

 private:
  Result<std::shared_ptr<ResidentModel>> load(LoadOrder order, const FileIdentity& identity,
                                              const LoadProgress& progress,
                                              const std::stop_token& stop) const;

  EngineOptions options_;
  std::optional<std::string> environment_backends_;
  Result<Config> config_;
  std::shared_ptr<MemoryLedger> ledger_;
  ModelLoader loader_;
  ModelCache cache_;  // last: its loads use the rest
};

}  // namespace minerva
