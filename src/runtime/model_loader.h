// From a description to a model in memory: the chain of backends, conversion, room, load.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/compute_arbiter.h"
#include "runtime/converter.h"
#include "runtime/memory_ledger.h"
#include "runtime/preference.h"
#include "runtime/resident_model.h"
#include "runtime/router.h"

namespace minerva {

/// What is to be loaded, and how.
struct LoadOrder {
  ModelDescription description;
  ModelOptions options;
  BackendPreference preference;
  /// Set for a model that was loaded before: how its decision reads, see ResidentModel::Parts.
  struct Decision {
    std::string backend_reason;
    std::vector<Fallback> fallbacks;
  };
  std::optional<Decision> decided;
  double detect_us = 0;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// Thread-safe.
class ModelLoader {
 public:
  using LoadTokenizer = std::function<Result<std::shared_ptr<const Tokenizer>>(const ModelDescription&)>;
  struct Parts {
    Backends backends;
    std::shared_ptr<Converter> converter;
    std::shared_ptr<MemoryLedger> ledger;
    std::shared_ptr<ComputeArbiter> arbiter;
    std::uint32_t queue_max = 64;
    std::uint64_t prefix_cache_bytes = 256U << 20U;
    /// How long a load waits for room that running requests hold.
    std::chrono::milliseconds room_wait_max = std::chrono::minutes(10);
    LoadTokenizer load_tokenizer = {};  ///< empty: minerva::load_tokenizer
  };
  explicit ModelLoader(Parts parts) : parts_(std::move(parts)) {}

  const Parts& parts() const noexcept { return parts_; }

  /// Tries one backend after the other. What failed before the one that runs is in Parts::fallbacks and the
  /// log. Errors: Cancelled and Busy at once; else, when all failed, the first failure's code with every
  /// link's reason.
  Result<std::shared_ptr<ResidentModel>> load(const LoadOrder& order, const LoadProgress& progress,
                                              const std::stop_token& stop) const;

 private:
  Result<std::shared_ptr<ResidentModel>> load_with(const RouteLink& link, const LoadOrder& order,
                                                   const LoadProgress& progress,
                                                   const std::stop_token& stop) const;
  Result<std::shared_ptr<MemoryGrant>> reserve(const InferenceBackend& backend,
                                               const ModelDescription& description, const LoadOptions& load,
                                               const ModelOptions& options,
                                               const std::stop_token& stop) const;

  Parts parts_;
};

}  // namespace minerva
