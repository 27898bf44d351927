#include "runtime/model_loader.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "runtime/context_size.h"
#include "runtime/memory_check.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

// A failure that another backend may not have: when memory is busy it is for all, a folder of converted
// models is not.
bool may_fall_back(const Error& error, const RouteLink& link) {
  return error.code != ErrorCode::Cancelled && (error.code != ErrorCode::Busy || link.converts);
}

// The part of `progress` from `begin` to `end`.
LoadProgress part_of(const LoadProgress& progress, float begin, float end) {
  return [&progress, begin, end](float fraction) {
    return !progress || progress(begin + (end - begin) * fraction);
  };
}

std::unexpected<Error> conversion_error(Error error) {
  if (error.code != ErrorCode::Cancelled) error.message = "converting it to GGUF failed: " + error.message;
  return std::unexpected(std::move(error));
}

}  // namespace

Result<std::shared_ptr<ResidentModel>> ModelLoader::load(const LoadOrder& order, const LoadProgress& progress,
                                                         const std::stop_token& stop) const {
  const ModelDescription& description = order.description;
  MINERVA_ASSIGN(const Route route, plan_route(description, {.numeric_mode = order.options.numeric_mode},
                                               order.preference, parts_.backends, *parts_.converter));
  std::vector<Fallback> failed;
  std::optional<Error> first_failure;
  for (const RouteLink& link : route.links) {
    if (link.backend == nullptr) {
      failed.push_back({link.name, link.reason});
      continue;
    }
    LoadOrder attempt = order;
    if (!attempt.decided) attempt.decided = {.backend_reason = link.reason, .fallbacks = failed};
    auto model = load_with(link, attempt, progress, stop);
    if (model) {
      for (const Fallback& before : failed)
        log().warn("the {} backend can't run '{}': {}", before.backend, description.path.string(),
                   before.reason);
      log().info("'{}' on the {} backend: {}", description.path.string(), link.name, link.reason);
      return model;
    }
    if (!may_fall_back(model.error(), link)) return model;
    failed.push_back({link.name, model.error().message});
    if (!first_failure) first_failure = std::move(model).error();
  }
  if (!first_failure) return internal_error("a route that nobody tried");
  return std::unexpected(chain_error(description, failed, *first_failure));
}

Result<std::shared_ptr<ResidentModel>> ModelLoader::load_with(const RouteLink& link, const LoadOrder& order,
                                                              const LoadProgress& progress,
                                                              const std::stop_token& stop) const {
  constexpr float kHalf = 0.5F;
  InferenceBackend& backend = *link.backend;
  ModelDescription description = order.description;
  if (link.converts) {
    auto gguf = parts_.converter->get(description, part_of(progress, 0, kHalf));
    if (!gguf) return conversion_error(std::move(gguf).error());
    description = converted_description(order.description, std::move(*gguf));
  }
  const LoadOptions load{.use_mmap = order.options.use_mmap, .numeric_mode = order.options.numeric_mode};
  MINERVA_ASSIGN(auto grant, reserve(backend, description, load, order.options, stop));
  MINERVA_ASSIGN(auto model,
                 backend.load(description, load, part_of(progress, link.converts ? kHalf : 0, 1)));
  // A converted directory keeps its own tokenizer.
  std::shared_ptr<const Tokenizer> tokenizer = link.converts ? nullptr : model->vocabulary();
  if (tokenizer == nullptr) {
    MINERVA_ASSIGN(tokenizer, parts_.load_tokenizer ? parts_.load_tokenizer(order.description)
                                                    : load_tokenizer(order.description));
  }
  const auto elapsed = std::chrono::steady_clock::now() - order.start;
  const LoadOrder::Decision decided = order.decided.value_or(LoadOrder::Decision{});
  return std::make_shared<ResidentModel>(ResidentModel::Parts{
      .grant = std::move(grant),
      .description = std::move(description),
      .directory = link.converts ? std::optional(order.description) : std::nullopt,
      .backend = link.backend,
      .backend_reason = decided.backend_reason,
      .fallbacks = decided.fallbacks,
      .model = std::move(model),
      .tokenizer = std::move(tokenizer),
      .options = order.options,
      .open_timings = {.detect_us = order.detect_us,
                       .load_ms = std::chrono::duration<double, std::milli>(elapsed).count()},
      .arbiter = parts_.arbiter,
      .queue_max = parts_.queue_max,
      .prefix_cache_bytes = parts_.prefix_cache_bytes});
}

// Room for the weights and for a context of one request; a larger context is asked for when it is needed.
Result<std::shared_ptr<MemoryGrant>> ModelLoader::reserve(const InferenceBackend& backend,
                                                          const ModelDescription& description,
                                                          const LoadOptions& load,
                                                          const ModelOptions& options,
                                                          const std::stop_token& stop) const {
  const ContextOptions context{.context_tokens = default_context_tokens(options, description.context_length),
                               .sequences_max = 1,
                               .batch_tokens = options.batch_tokens,
                               .threads = options.threads};
  MINERVA_ASSIGN(const MemoryNeed need, backend.memory_needed(description, load, context));
  MemoryLedger& ledger = *parts_.ledger;
  if (const auto attainable = ledger.attainable_bytes(); need.total() > attainable)
    MINERVA_TRY(check_memory(backend, description, load, context, attainable, parts_.backends));
  auto grant = ledger.reserve(need.total(), stop, MemoryLedger::Clock::now() + parts_.room_wait_max);
  // The ledger knows numbers; what would fit is known here.
  if (!grant && grant.error().code == ErrorCode::OutOfMemory)
    MINERVA_TRY(check_memory(backend, description, load, context, ledger.free_bytes(), parts_.backends));
  return grant;
}

}  // namespace minerva
