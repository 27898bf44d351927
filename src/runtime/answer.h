// One request's answer as it comes: logits in, tokens and text out, and when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "runtime/sampler.h"
#include "runtime/stop_matcher.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer/tokenizer.h"
#include "text/utf8.h"

namespace minerva {

/// What one step adds to an answer.
struct AnswerPiece {
  std::optional<GeneratedToken> token;  ///< absent when an end-of-generation token was chosen
  std::string text;                     ///< text that is now certain, possibly of earlier tokens
  std::optional<FinishReason> finish;   ///< set in the last piece
};

/// Not thread-safe. The tokenizer must outlive it.
class Answer {
 public:
  /// What of a request matters after its prompt was tokenized. `matcher` may be null.
  struct Options {
    SamplingSettings sampling;
    std::vector<std::string> stop = {};
    std::uint32_t max_tokens = 0;
    std::optional<std::chrono::steady_clock::time_point> until = {};  ///< then it ends, as at max_tokens
    bool ignore_eos = false;
    bool logprobs = false;
    std::uint32_t top_logprobs = 0;
    std::unique_ptr<GrammarMatcher> matcher = nullptr;
  };
  Answer(const Tokenizer& tokenizer, std::span<const TokenId> prompt, Options options);

  /// Chooses the next token from `logits` (one float per vocabulary entry). Errors: ModelLoading when no
  /// logit is a number.
  Result<AnswerPiece> next(std::span<const float> logits);

  std::uint32_t tokens_left() const noexcept { return options_.max_tokens - count_; }
  std::uint64_t seed() const noexcept { return sampler_.settings().seed; }

 private:
  Result<TokenId> choose(std::span<const float> logits);
  // The answer ends here: what was held back is text after all.
  void finish(AnswerPiece& piece, FinishReason reason);

  const Tokenizer& tokenizer_;
  Options options_;
  Sampler sampler_;
  Utf8Stream utf8_;
  StopMatcher stops_;
  std::vector<std::uint32_t> mask_;
  std::uint32_t count_ = 0;
};

}  // namespace minerva
