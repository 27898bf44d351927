// A model in memory: a backend's model with its tokenizer, chat template and what computes its requests.
#pragma once

#include <memory>
#include <mutex>
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
    ModelDescription description;
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

 private:
  Result<std::vector<TokenId>> prompt_ids(const GenerationRequest& request) const;
  Result<void> check_request(const GenerationRequest& request) const;
  Result<std::uint32_t> make_room(std::size_t prompt_tokens, const GenerationRequest& request);
  Result<void> replace_context(std::uint32_t context_tokens);

  Parts parts_;
  mutable std::once_flag template_once_;
  mutable Result<std::shared_ptr<const ChatTemplate>> template_;
  std::mutex mutex_;  // one generation at a time; guards what follows
  CachedSequence sequence_;
  bool first_generation_ = true;
};

}  // namespace minerva
