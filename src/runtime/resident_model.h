// A model in memory: a backend's model with its tokenizer, chat template and what computes its requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "minerva/engine.h"
#include "runtime/compute_arbiter.h"
#include "runtime/generator.h"
#include "runtime/memory_budget.h"
#include "text/chat_template/chat_template.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

class ResidentModel {
 public:
  struct Parts {
    /// What runs: for a converted directory the GGUF, with the directory's path, name, tokenizer, templates
    /// and sampling defaults.
    ModelDescription description;
    std::optional<ModelDescription> directory = {};  ///< a converted directory as the user knows it
    std::shared_ptr<InferenceBackend> backend;
    std::string backend_reason;
    std::vector<Fallback> fallbacks;
    std::shared_ptr<Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    ModelOptions options;
    std::uint64_t memory_limit_bytes = 0;
    Timings open_timings;  ///< detect_us and load_ms
    /// What it may use; null: nobody counts.
    std::shared_ptr<MemoryGrant> grant;
    /// Shared by all models of an engine; null: one of its own.
    std::shared_ptr<ComputeArbiter> arbiter;
    std::uint32_t queue_max = 64;
    std::uint64_t prefix_cache_bytes = 256U << 20U;
  };
  explicit ResidentModel(Parts parts);

  const Parts& parts() const noexcept { return parts_; }
  Result<std::shared_ptr<const ChatTemplate>> chat_template() const;
  Result<Generation> generate(const GenerationRequest& request, const TextCallback& on_text);

  /// Requests that are computed, and that wait for a place among them, now. Any thread.
  std::uint32_t active_requests() const noexcept { return active_; }
  std::uint32_t waiting_requests() const noexcept { return waiting_; }
  /// Bytes of contexts as predicted: KV caches and working memory. Any thread.
  std::uint64_t context_bytes() const noexcept { return context_bytes_; }

 private:
  Result<std::vector<TokenId>> prompt_ids(const GenerationRequest& request) const;
  Result<void> check_request(const GenerationRequest& request) const;
  Result<std::uint32_t> make_room(std::size_t prompt_tokens, const GenerationRequest& request);
  Result<void> replace_context(std::uint32_t context_tokens);

  Parts parts_;
  std::atomic<std::uint32_t> active_ = 0;
  std::atomic<std::uint32_t> waiting_ = 0;
  std::atomic<std::uint64_t> context_bytes_ = 0;
  mutable std::once_flag template_once_;
  mutable Result<std::shared_ptr<const ChatTemplate>> template_;
  std::mutex mutex_;  // one generation at a time; guards what follows
  CachedSequence sequence_;
  bool first_generation_ = true;
};

}  // namespace minerva
