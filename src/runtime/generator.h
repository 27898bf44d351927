// One request on one sequence: prefill what is not cached, then decode token by token.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "minerva/generation.h"
#include "runtime/sampler.h"
#include "runtime/stop_matcher.h"
#include "text/tokenizer/tokenizer.h"
#include "text/utf8.h"

namespace minerva {

/// A context's one sequence and the tokens whose state it holds, kept from request to request so that a
/// common prefix is not computed again.
struct CachedSequence {
  std::unique_ptr<Context> context;
  std::vector<TokenId> tokens;  ///< tokens[i] was decoded at position i
};

/// Everything one generation needs; used once, by one thread.
class Generator {
 public:
  /// The request's prompt has been tokenized to `prompt` (not empty); `max_tokens` is how many may be
  /// generated so that all fits into the context. References must outlive the generator.
  Generator(const Model& model, const Tokenizer& tokenizer, CachedSequence& sequence,
            const GenerationRequest& request, std::vector<TokenId> prompt, std::uint32_t max_tokens,
            SamplingSettings sampling, const TextCallback& on_text);

  Result<Generation> run();

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> prefill();
  Position planned_length() const;
  Result<void> keep_common_prefix();
  Result<void> decode(std::span<const TokenId> tokens, RowOutput last_output);
  void forget_partial_work();
  bool cancelled() const;
  // Takes a chosen token into the answer; false when the generation ends with it.
  bool take(TokenId id);
  void emit(std::string_view text);
  void finish(FinishReason reason);

  const Model& model_;
  const Tokenizer& tokenizer_;
  CachedSequence& sequence_;
  const GenerationRequest& request_;
  const TextCallback& on_text_;
  std::uint32_t max_tokens_;
  Sampler sampler_;
  Utf8Stream utf8_;
  StopMatcher stops_;
  std::span<const float> logits_;
  bool aborted_ = false;           // the stop token was seen while decoding
  bool receiver_stopped_ = false;  // on_text returned false
  Generation result_;
};

}  // namespace minerva
