// Logits to the next token.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "runtime/candidates.h"
#include "runtime/logit_rules.h"
#include "runtime/sampling_settings.h"

namespace minerva {

/// Chooses tokens for one sequence. With equal settings (seed included), equal history and equal logits it
/// chooses the same tokens. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(SamplingSettings settings);

  /// The prompt of an answer that may have `tokens_max` tokens. At most once, before all else.
  void begin(std::span<const TokenId> prompt, std::size_t tokens_max);
  /// Puts a token (of the prompt, or one that was chosen) into the history that penalties and rules look
  /// back on.
  void accept(TokenId id);

  /// Chooses from `logits` (one float per vocabulary entry). `mask` holds one bit a token, least significant
  /// first: a token whose bit is not set (or that is beyond the mask's end) is out before anything else
  /// counts; an empty mask allows every token. Ties go to the lowest id when greedy. Where
  /// no_repeat_ngram_size and the rules that the model's files ask for leave nothing, they don't count.
  /// Errors: ModelLoading when no allowed logit is a number, which damaged weights cause; InvalidRequest when
  /// the request's own bans leave no token that the mask allows.
  Result<TokenId> sample(std::span<const float> logits, std::span<const std::uint32_t> mask = {});

  /// What `sample` chooses from: the logits after biases, penalties and bans; with no_repeat_ngram_size and
  /// the rules, or without. Valid until the next call.
  std::span<const float> adjusted(std::span<const float> logits, bool with_rules = true);

  const SamplingSettings& settings() const noexcept { return settings_; }

 private:
  bool keeps_history() const noexcept;
  bool changes_logits() const noexcept;
  void apply_penalties(std::span<float> logits) const;

  SamplingSettings settings_;
  std::mt19937_64 random_;
  std::deque<TokenId> history_;
  std::unordered_map<TokenId, int> occurrences_;  // of the tokens in history_
  TokenHistory all_;                              // empty unless rules look at it
  std::vector<float> adjusted_;
  Candidates candidates_;
};

/// log softmax of `logits` at `id`, and the `count` best. Natural logarithms.
struct Logprobs {
  float chosen = 0;
  std::vector<TopLogprob> top;
};
Logprobs compute_logprobs(std::span<const float> logits, TokenId id, std::size_t count);

}  // namespace minerva
