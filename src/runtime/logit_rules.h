// What a model's files ask of the logits beyond penalties: transformers' logits processors, in its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "minerva/model_description.h"
#include "minerva/types.h"

namespace minerva {

/// One sequence as the rules see it.
struct TokenHistory {
  std::vector<TokenId> tokens;      ///< the prompt, then the answer
  std::size_t prompt_size = 0;      ///< tokens of the prompt
  std::size_t length_max = 0;       ///< tokens there is room for, prompt and answer; 0: not known
  std::vector<TokenId> prompt_ids;  ///< each token of the prompt once, ascending
};

/// Bans every token that would repeat `size` tokens in a row of `seen`, were it to follow `tokens`. `size` >
/// 0.
void ban_repeated_ngrams(std::span<const TokenId> seen, std::span<const TokenId> tokens, int size,
                         std::span<float> logits);

/// Immutable, thread-safe: one for a model. Ids outside the vocabulary are passed over.
class LogitRules {
 public:
  /// `ends`: the tokens that end an answer.
  LogitRules(SamplingDefaults recommended, std::vector<TokenId> ends);

  /// Whether `recommended` asks for anything that is done here.
  static bool asked_for(const SamplingDefaults& recommended) noexcept;

  /// What comes before the penalties: sequence_bias and bad_words_ids, encoder_repetition_penalty.
  void bias(const TokenHistory& history, std::span<float> logits) const;
  /// What comes after them: encoder_no_repeat_ngram_size, lengths, forced and suppressed tokens.
  void restrict(const TokenHistory& history, std::span<float> logits) const;

 private:
  struct Continuation {
    std::vector<TokenId> before;  // all but the last two
    TokenId last;
    float bias;
  };

  void make_ends_likelier(std::size_t length, const TokenHistory& history, std::span<float> logits) const;

  SamplingDefaults asked_;
  std::vector<TokenId> ends_;
  std::vector<std::pair<TokenId, float>> single_;
  std::unordered_map<TokenId, std::vector<Continuation>> continuations_;  // by the token before the last
};

}  // namespace minerva
