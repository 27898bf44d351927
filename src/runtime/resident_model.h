// A model in memory: a backend's model with its tokenizer, chat template and what computes its requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "minerva/engine.h"
#include "runtime/compute_arbiter.h"
#include "runtime/memory_budget.h"
#include "runtime/scheduler.h"
#include "text/chat_template/chat_template.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

class ResidentModel {
 public:
  struct Parts {
    /// What it may use; null: nobody counts. First, so that it is given back last.
    std::shared_ptr<MemoryGrant> grant;
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
    Timings open_timings;  ///< detect_us and load_ms
    /// Shared by all models of an engine; null: one of its own.
    std::shared_ptr<ComputeArbiter> arbiter;
    std::uint32_t queue_max = 64;
    std::uint64_t prefix_cache_bytes = 256U << 20U;
  };
  explicit ResidentModel(Parts parts);

  const Parts& parts() const noexcept { return parts_; }
  /// The default template, or with `for_tools` the one named "tool_use", where there is one.
  Result<std::shared_ptr<const ChatTemplate>> chat_template(bool for_tools) const;
  /// Thread-safe; see LoadedModel::generate. `start`: when the request was made.
  Result<Generation> generate(const GenerationRequest& request, const TextCallback& on_text,
                              std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now());

  /// Requests that are computed, or whose answer is still being handed over.
  std::uint32_t active_requests() const noexcept;
  /// Requests that wait for a place among them.
  std::uint32_t waiting_requests() const noexcept { return scheduler_.waiting(); }
  /// KV caches and kept prefixes.
  std::uint64_t context_bytes() const noexcept { return scheduler_.kv_bytes() + scheduler_.stored_bytes(); }

 private:
  // What the scheduler's contexts cost, and how large they may become.
  class Contexts final : public ContextMaker {
   public:
    explicit Contexts(const Parts& parts);
    Result<void> reserve(const Size& size, const std::stop_token& stop,
                         const MemoryGrant::KeepWaiting& waits) override;
    bool may_keep(std::uint64_t bytes) override;
    Result<std::unique_ptr<Context>> make(const Size& size) override;
    Size limit() const override;

   private:
    ContextOptions options(const Size& size) const;
    const Parts& parts_;
    std::uint64_t needed_ = 0;  // of the grant: weights and context
    std::uint64_t kept_ = 0;    // the rest of it
  };

  // What the model's files recommend to a request.
  const SamplingDefaults& recommended_to(const GenerationRequest& request) const noexcept;
  std::shared_ptr<const LogitRules> rules_of(const GenerationRequest& request) const;
  Result<std::vector<TokenId>> prompt_ids(const GenerationRequest& request) const;
  Result<void> check_request(const GenerationRequest& request) const;
  Result<std::shared_ptr<Job>> make_job(const GenerationRequest& request,
                                        const GrammarCompiler::Wait& wait) const;
  Result<std::unique_ptr<GrammarMatcher>> make_matcher(const OutputConstraint& constraint,
                                                       const GrammarCompiler::Wait& wait) const;

  Parts parts_;
  mutable std::mutex template_mutex_;
  mutable std::map<const NamedTemplate*, std::shared_ptr<const ChatTemplate>> templates_;  // guarded by it
  mutable std::once_flag rules_once_;
  mutable std::shared_ptr<const LogitRules> rules_;
  mutable std::once_flag grammar_once_;
  mutable std::unique_ptr<GrammarCompiler> grammar_compiler_;
  std::atomic<bool> first_generation_ = true;
  std::atomic<std::uint32_t> calls_ = 0;  // of generate, under way
  Contexts contexts_;
  Scheduler scheduler_;
};

}  // namespace minerva
