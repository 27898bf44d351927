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
#include "runtime/sampling_settings.h"

namespace minerva {

/// Chooses tokens for one sequence. With equal settings (seed included), equal history and equal logits it
/// chooses the same tokens. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(SamplingSettings settings);

  /// Puts a token (of the prompt, or one that was chosen) into the history that penalties look back on.
  void accept(TokenId id);

  /// Chooses from `logits` (one float per vocabulary entry). `mask` holds one bit a token, least significant
  /// first: a token whose bit is not set (or that is beyond the mask's end) is out before anything else
  /// counts; an empty mask allows every token. Ties go to the lowest id when greedy. Errors: ModelLoading
  /// when no allowed logit is a number, which damaged weights cause; InvalidRequest when the logit bias bans
  /// every token that the mask allows.
  Result<TokenId> sample(std::span<const float> logits, std::span<const std::uint32_t> mask = {});

  const SamplingSettings& settings() const noexcept { return settings_; }

 private:
  struct Candidate {
    TokenId id;
    float logit;
  };

  bool changes_logits() const noexcept;
  void apply_bias_and_penalties(std::span<float> logits) const;
  void keep_top_k();
  void keep_typical();
  void keep_top_p();
  void keep_min_p();
  TokenId draw();
  void sort_best_first(std::size_t count);

  SamplingSettings settings_;
  std::mt19937_64 random_;
  std::deque<TokenId> history_;
  std::unordered_map<TokenId, int> occurrences_;  // of the tokens in history_
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
};

/// log softmax of `logits` at `id`, and the `count` best. Natural logarithms.
struct Logprobs {
  float chosen = 0;
  std::vector<TopLogprob> top;
};
Logprobs compute_logprobs(std::span<const float> logits, TokenId id, std::size_t count);

}  // namespace minerva
