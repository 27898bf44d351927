#include "minerva/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/memory.h"
#include "base/terminal.h"
#include "formats/inspect.h"
#include "minerva/version.h"
#include "runtime/engine_impl.h"
#include "runtime/model_handle.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kBatchTokensMax = 65536;
constexpr std::uint32_t kContextTokensMax = 1U << 24;
constexpr int kThreadsMax = 512;
constexpr std::uint32_t kParallelMax = 256;

Result<void> check_options(const ModelOptions& options) {
  if (options.batch_tokens < 1 || options.batch_tokens > kBatchTokensMax) {
    return invalid_request(fmt::format("a batch of {} tokens is out of range", options.batch_tokens),
                           fmt::format("Give a number in [1, {}].", kBatchTokensMax));
  }
  if (options.context_tokens > kContextTokensMax) {
    return invalid_request(fmt::format("a context of {} tokens is out of range", options.context_tokens),
                           fmt::format("Give a number in [0, {}].", kContextTokensMax));
  }
  if (options.threads < 0 || options.threads > kThreadsMax) {
    return invalid_request(fmt::format("{} threads are out of range", options.threads),
                           fmt::format("Give a number in [0, {}]; 0 means one per core.", kThreadsMax));
  }
  if (options.parallel < 1 || options.parallel > kParallelMax) {
    return invalid_request(fmt::format("{} requests at the same time are out of range", options.parallel),
                           fmt::format("Give a number in [1, {}].", kParallelMax));
  }
  return {};
}

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

ModelKey key_of(const fs::path& path, const ModelOptions& options, const BackendPreference& preference) {
  return {path, fmt::format("{}|{}|{}|{}|{}|{}|{}", fmt::join(preference.names, ","),
                            static_cast<int>(options.numeric_mode), options.context_tokens,
                            options.batch_tokens, options.threads, options.use_mmap, options.parallel)};
}

// What everything is compared by; a path that can't be resolved stands for itself.
fs::path canonical_path(const fs::path& path) {
  std::error_code failed;
  fs::path canonical = fs::canonical(path, failed);
  return failed ? path : canonical;
}

std::uint64_t budget_of(const EngineOptions& options, const Result<Config>& config, std::uint64_t available) {
  constexpr std::uint64_t kReserveMax = std::uint64_t{1} << 30U;
  constexpr std::uint64_t kReserveShare = 16;
  if (options.memory_limit_bytes > 0) return options.memory_limit_bytes;
  if (config && config->memory_limit_bytes.value_or(0) > 0) return *config->memory_limit_bytes;
  if (available == kUnlimitedMemory) return available;
  return available - std::min(kReserveMax, available / kReserveShare);
}

CacheSettings cache_settings(CacheSettings settings, const EngineOptions& options,
                             const Result<Config>& config) {
  // The file speaks where the program said nothing.
  const bool unsaid = options.keep_alive == EngineOptions{}.keep_alive;
  settings.keep_alive =
      unsaid && config ? config->keep_alive.value_or(options.keep_alive) : options.keep_alive;
  return settings;
}

std::unexpected<Error> not_in_memory(const fs::path& path) {
  return invalid_request(fmt::format("the model '{}' is not in memory", printable(path.string())),
                         "Engine::resident() lists what is.");
}

Result<void> found_or_error(bool found, const fs::path& path) {
  if (!found) return not_in_memory(path);
  return {};
}

}  // namespace

EngineImpl::EngineImpl(EngineOptions options, Seams seams)
    : options_(std::move(options)),
      environment_backends_(seams.environment("MINERVA_BACKEND")),
      config_(read_config(seams.environment)),
      ledger_([&] {
        auto available = seams.available_memory;
        if (!available) available = [] { return available_memory_bytes(); };
        return std::make_shared<MemoryLedger>(budget_of(options_, config_, available()), available);
      }()),
      loader_({.backends = std::move(seams.backends),
               .converter = seams.converter ? seams.converter : make_converter(options_, seams.environment),
               .ledger = ledger_,
               .arbiter = std::make_shared<ComputeArbiter>(),
               .queue_max = options_.queue_max,
               .prefix_cache_bytes = options_.prefix_cache_bytes,
               .room_wait_max = seams.room_wait_max,
               .load_tokenizer = std::move(seams.load_tokenizer)}),
      cache_(cache_settings(std::move(seams.cache), options_, config_), ledger_) {}

Result<std::shared_ptr<LoadedModel>> EngineImpl::open(const fs::path& path, const ModelOptions& options,
                                                      const LoadProgress& progress,
                                                      const std::stop_token& cancel) {
  MINERVA_TRY(check_options(options));
  if (!config_) return std::unexpected(config_.error());
  const auto start = std::chrono::steady_clock::now();
  MINERVA_ASSIGN(const Inspection inspection, inspect(path));
  const double detect_us = microseconds_since(start);
  MINERVA_ASSIGN(BackendPreference preference,
                 choose_preference(options.backends, inspection.path,
                                   {options_.backends, environment_backends_, &*config_}));
  OpenedModel opened{.key = key_of(canonical_path(inspection.path), options, preference),
                     .identity = {},
                     .path = inspection.path,
                     .options = options,
                     .backend = {},
                     .decision = {}};

  // The headers of a model in memory need not be read again while its files are the same.
  std::optional<ModelDescription> description;
  const auto known = cache_.find(opened.key);
  if (known && look_again(*known) == *known) {
    opened.identity = *known;
  } else {
    MINERVA_ASSIGN(description, describe(path));
    opened.identity = identity_of(*description);
  }
  const ModelConfig* const model_config = config_->find(inspection.path);
  auto load_it = [this, opened, description = std::move(description), preference = std::move(preference),
                  detect_us, start](const LoadProgress& on_progress, const std::stop_token& stop) {
    LoadOrder order{.description = description.value_or(ModelDescription{.path = opened.path}),
                    .options = opened.options,
                    .preference = preference,
                    .decided = {},
                    .detect_us = detect_us,
                    .start = start};
    return load(std::move(order), opened.identity, on_progress, stop);
  };
  MINERVA_ASSIGN(
      const auto lease,
      cache_.acquire({.key = opened.key,
                      .identity = opened.identity,
                      .load = std::move(load_it),
                      .keep_alive = model_config == nullptr ? std::nullopt : model_config->keep_alive},
                     {.progress = progress, .stop = cancel}));
  const ResidentModel::Parts& parts = lease.model().parts();
  opened.backend = parts.backend->name();
  opened.decision = {parts.backend_reason, parts.fallbacks};
  ModelHandle::Facts facts{.description = parts.directory ? *parts.directory : parts.description,
                           .numeric_mode = parts.model->info().numeric_mode};
  facts.description.path = opened.path;
  return std::make_shared<LoadedModel>(
      std::make_unique<ModelHandle>(shared_from_this(), std::move(opened), std::move(facts)));
}

Result<std::shared_ptr<ResidentModel>> EngineImpl::load(LoadOrder order, const FileIdentity& identity,
                                                        const LoadProgress& progress,
                                                        const std::stop_token& stop) const {
  const auto changed = [&](const FileIdentity& now) -> Result<void> {
    if (now == identity) return {};
    return model_loading(fmt::format("'{}' has changed since the model was opened",
                                     printable(first_difference(identity, now).string())),
                         "Open the model again.");
  };
  if (order.description.format == Format::Unknown) {
    MINERVA_ASSIGN(order.description, describe(order.description.path));
    MINERVA_TRY(changed(identity_of(order.description)));
  }
  MINERVA_ASSIGN(auto model, loader_.load(order, progress, stop));
  MINERVA_TRY(changed(look_again(identity)));
  return model;
}

Result<ModelCache::Lease> EngineImpl::lease(const OpenedModel& opened, LeasePurpose purpose,
                                            std::stop_token stop, ModelCache::Clock::time_point deadline) {
  ModelCache::Want want{.key = opened.key,
                        .identity = opened.identity,
                        .load =
                            [this, opened](const LoadProgress& progress, const std::stop_token& cancel) {
                              LoadOrder order{.description = ModelDescription{.path = opened.path},
                                              .options = opened.options,
                                              .preference = {{opened.backend}, ""},
                                              .decided = opened.decision};
                              return load(std::move(order), opened.identity, progress, cancel);
                            },
                        .purpose = purpose,
                        .replaces = false};
  if (const ModelConfig* const config = config_->find(opened.path)) want.keep_alive = config->keep_alive;
  const ModelCache::Wait wait{.stop = std::move(stop), .deadline = deadline};
  {
    auto lease = cache_.acquire(want, wait);
    if (!lease || lease->model().parts().backend->name() == opened.backend) return lease;
  }
  // Loaded anew since, and another backend was chosen (there was more memory): no handle changes under way.
  want.key.options += "|" + opened.backend;
  return cache_.acquire(want, wait);
}

Engine::Engine(const EngineOptions& options)
    : impl_(std::make_shared<EngineImpl>(options, EngineImpl::Seams{.backends = make_backends()})) {}
Engine::~Engine() = default;

Result<std::shared_ptr<LoadedModel>> Engine::open(const fs::path& path, const ModelOptions& options,
                                                  const LoadProgress& progress, std::stop_token cancel) {
  return impl_->open(path, options, progress, cancel);
}

std::vector<ResidentModelInfo> Engine::resident() const {
  return impl_->cache().list();
}

Result<void> Engine::unload(const fs::path& path) {
  return found_or_error(impl_->cache().unload(canonical_path(path)), path);
}

Result<void> Engine::pin(const fs::path& path, bool pinned) {
  return found_or_error(impl_->cache().pin(canonical_path(path), pinned), path);
}

Result<void> Engine::keep_alive(const fs::path& path, std::chrono::milliseconds duration) {
  return found_or_error(impl_->cache().keep_alive(canonical_path(path), duration), path);
}

std::vector<BackendInfo> Engine::backends() const {
  std::vector<BackendInfo> infos;
  for (const auto& backend : impl_->backends())
    infos.push_back({std::string(backend->name()), backend->version()});
  return infos;
}

std::string_view version() noexcept {
  return MINERVA_VERSION_STRING;
}

}  // namespace minerva
