#include "minerva/engine.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "minerva/version.h"
#include "runtime/context_size.h"
#include "runtime/engine_impl.h"
#include "runtime/memory_check.h"
#include "runtime/model_handle.h"
#include "runtime/resident_model.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

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
  if (options.parallel < 1 || options.parallel > kParallelMax) {
    return invalid_request(fmt::format("{} requests at the same time are out of range", options.parallel),
                           fmt::format("Give a number in [1, {}].", kParallelMax));
  }
  if (options.threads < 0 || options.threads > kThreadsMax) {
    return invalid_request(fmt::format("{} threads are out of range", options.threads),
                           fmt::format("Give a number in [0, {}]; 0 means one per core.", kThreadsMax));
  }
  return {};
}

// A failure that another backend may not have.
bool may_fall_back(const Error& error) {
  return error.code == ErrorCode::ModelLoading || error.code == ErrorCode::OutOfMemory;
}

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

std::unexpected<Error> with_earlier_links(Error error, const std::vector<Fallback>& earlier) {
  for (const Fallback& link : earlier)
    error.message += fmt::format("; before that, {}: {}", link.backend, link.reason);
  return std::unexpected(std::move(error));
}

}  // namespace

EngineImpl::EngineImpl(const EngineOptions& options, Backends backends)
    : options_(options), backends_(std::move(backends)) {}

Result<std::shared_ptr<LoadedModel>> EngineImpl::open(const std::filesystem::path& path,
                                                      const ModelOptions& options,
                                                      const LoadProgress& progress) {
  MINERVA_TRY(check_options(options));
  Timings timings;
  const auto start = std::chrono::steady_clock::now();
  MINERVA_TRY(detect(path));
  timings.detect_us = microseconds_since(start);
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  MINERVA_ASSIGN(Route route, plan_route(description, options.backends, backends_));

  for (std::size_t i = 0; i < route.steps.size(); ++i) {
    const auto& [backend, reason] = route.steps[i];
    auto model = load_with(*backend, description, options, progress);
    if (!model) {
      if (!may_fall_back(model.error()) || i + 1 == route.steps.size()) {
        return with_earlier_links(std::move(model).error(), route.passed_by);
      }
      log().warn("backend {} can't run '{}': {}; trying {}", backend->name(), path.string(),
                 model.error().message, route.steps[i + 1].backend->name());
      route.passed_by.push_back({std::string(backend->name()), model.error().message});
      continue;
    }
    std::shared_ptr<const Tokenizer> tokenizer = (*model)->vocabulary();
    if (tokenizer == nullptr) {
      MINERVA_ASSIGN(tokenizer, load_tokenizer(description));
    }
    timings.load_ms = microseconds_since(start) / 1e3;
    log().info("'{}' on backend {}: {}", path.string(), backend->name(), reason);
    auto resident = std::make_shared<ResidentModel>(
        ResidentModel::Parts{.description = description,
                             .backend = backend,
                             .backend_reason = reason,
                             .fallbacks = route.passed_by,
                             .model = std::move(*model),
                             .tokenizer = std::move(tokenizer),
                             .options = options,
                             .memory_limit_bytes = options_.memory_limit_bytes,
                             .open_timings = timings});
    return std::make_shared<LoadedModel>(
        std::make_unique<ModelHandle>(shared_from_this(), std::move(resident)));
  }
  return internal_error("a route without steps");
}

Result<std::shared_ptr<Model>> EngineImpl::load_with(InferenceBackend& backend,
                                                     const ModelDescription& description,
                                                     const ModelOptions& options,
                                                     const LoadProgress& progress) const {
  if (options.numeric_mode != NumericMode::Default && !backend.capabilities().numeric_modes) {
    return invalid_request(fmt::format("the {} backend has one numeric mode only", backend.name()),
                           "Leave out --numeric, or use --backend native.");
  }
  const LoadOptions load{.use_mmap = options.use_mmap, .numeric_mode = options.numeric_mode};
  const ContextOptions context{.context_tokens = default_context_tokens(options, description.context_length),
                               .sequences_max = 1,
                               .batch_tokens = options.batch_tokens,
                               .threads = options.threads};
  MINERVA_TRY(
      check_memory(backend, description, load, context, available_memory_bytes(options_.memory_limit_bytes)));
  return backend.load(description, load, progress);
}

Engine::Engine(const EngineOptions& options)
    : impl_(std::make_shared<EngineImpl>(options, make_backends())) {}
Engine::~Engine() = default;

Result<std::shared_ptr<LoadedModel>> Engine::open(const std::filesystem::path& path,
                                                  const ModelOptions& options, const LoadProgress& progress,
                                                  std::stop_token /*cancel*/) {
  return impl_->open(path, options, progress);
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
