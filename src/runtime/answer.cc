#include "runtime/answer.h"

#include <utility>

namespace minerva {

Answer::Answer(const Tokenizer& tokenizer, std::span<const TokenId> prompt, Options options)
    : tokenizer_(tokenizer),
      options_(std::move(options)),
      sampler_(options_.sampling),
      stops_(std::move(options_.stop)) {
  sampler_.begin(prompt, options_.max_tokens);
}

Result<TokenId> Answer::choose(std::span<const float> logits) {
  if (options_.matcher == nullptr) return sampler_.sample(logits);
  constexpr std::size_t kBits = 32;
  mask_.resize((logits.size() + kBits - 1) / kBits);
  MINERVA_TRY(options_.matcher->fill_mask(mask_));
  return sampler_.sample(logits, mask_);
}

Result<AnswerPiece> Answer::next(std::span<const float> logits) {
  MINERVA_ASSIGN(const TokenId id, choose(logits));
  AnswerPiece piece;
  if (!options_.ignore_eos && tokenizer_.is_end_of_generation(id)) {
    finish(piece, FinishReason::Stop);
    return piece;
  }
  sampler_.accept(id);
  ++count_;
  GeneratedToken token{.id = id, .text = utf8_.push(tokenizer_.token_bytes(id)), .logprob = 0, .top = {}};
  if (options_.logprobs || options_.top_logprobs > 0) {
    Logprobs logprobs = compute_logprobs(logits, id, options_.top_logprobs);
    token.logprob = logprobs.chosen;
    token.top = std::move(logprobs.top);
  }
  StopMatcher::Output output = stops_.push(token.text);
  piece.token = std::move(token);
  piece.text = std::move(output.text);
  if (output.stopped) {
    piece.finish = FinishReason::Stop;
    return piece;
  }
  if (options_.matcher != nullptr) {
    MINERVA_TRY(options_.matcher->accept(id));
    if (options_.matcher->must_end()) {
      finish(piece, FinishReason::Stop);
      return piece;
    }
  }
  const bool late = options_.until && std::chrono::steady_clock::now() >= *options_.until;
  if (count_ == options_.max_tokens || late) finish(piece, FinishReason::Length);
  return piece;
}

void Answer::finish(AnswerPiece& piece, FinishReason reason) {
  piece.finish = reason;
  const StopMatcher::Output output = stops_.push(utf8_.finish());
  piece.text += output.text;
  if (!output.stopped) piece.text += stops_.finish();
}

}  // namespace minerva
