#include "runtime/generator.h"

#include <algorithm>
#include <utility>

namespace minerva {
namespace {

constexpr SequenceId kSequence = 0;

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Generator::Generator(const Model& model, const Tokenizer& tokenizer, CachedSequence& sequence,
                     const GenerationRequest& request, std::vector<TokenId> prompt, std::uint32_t max_tokens,
                     SamplingSettings sampling, const TextCallback& on_text)
    : model_(model),
      tokenizer_(tokenizer),
      sequence_(sequence),
      request_(request),
      on_text_(on_text),
      max_tokens_(max_tokens),
      sampler_(std::move(sampling)),
      stops_(request.stop) {
  result_.prompt_tokens = std::move(prompt);
  result_.seed = sampler_.settings().seed;
}

Result<Generation> Generator::run() {
  const auto start = Clock::now();
  for (const TokenId id : result_.prompt_tokens) sampler_.accept(id);
  if (max_tokens_ == 0) {
    finish(FinishReason::Length);
    return std::move(result_);
  }
  MINERVA_TRY(prefill());
  const auto prefilled = Clock::now();
  auto first_token = prefilled;
  while (!cancelled()) {
    MINERVA_ASSIGN(const TokenId id, sampler_.sample(logits_));
    if (result_.tokens.empty()) first_token = Clock::now();
    if (!take(id)) break;
    MINERVA_TRY(decode(std::span(&id, 1), RowOutput::Logits));
  }
  const auto end = Clock::now();
  if (cancelled()) finish(FinishReason::Cancelled);

  Timings& t = result_.timings;
  t.ttft_ms = seconds_between(start, first_token) * 1e3;
  if (t.prefill_tokens > 0) t.prefill_tps = t.prefill_tokens / seconds_between(start, prefilled);
  t.decode_tokens = static_cast<std::uint32_t>(std::max<std::size_t>(result_.tokens.size(), 1) - 1);
  if (t.decode_tokens > 0) t.decode_tps = t.decode_tokens / seconds_between(first_token, end);
  return std::move(result_);
}

Result<void> Generator::prefill() {
  MINERVA_TRY(keep_common_prefix());
  const std::span<const TokenId> prompt = result_.prompt_tokens;
  result_.timings.cached_tokens = static_cast<std::uint32_t>(sequence_.tokens.size());
  result_.timings.prefill_tokens = static_cast<std::uint32_t>(prompt.size() - sequence_.tokens.size());
  const std::size_t chunk = sequence_.context->batch_tokens();
  while (sequence_.tokens.size() < prompt.size() && !cancelled()) {
    const std::size_t begin = sequence_.tokens.size();
    const std::size_t count = std::min(chunk, prompt.size() - begin);
    const bool is_last = begin + count == prompt.size();
    MINERVA_TRY(decode(prompt.subspan(begin, count), is_last ? RowOutput::Logits : RowOutput::None));
  }
  return {};
}

// The positions that this request computes: the last token is not decoded again.
Position Generator::planned_length() const {
  return static_cast<Position>(result_.prompt_tokens.size() + max_tokens_ - 1);
}

// Goes back to the longest state that this prompt shares with what the sequence holds. One token at least is
// computed anew: its logits are needed.
Result<void> Generator::keep_common_prefix() {
  Context& context = *sequence_.context;
  const std::vector<TokenId>& prompt = result_.prompt_tokens;
  const auto [in_prompt, in_cache] = std::ranges::mismatch(prompt, sequence_.tokens);
  const auto common = static_cast<std::size_t>(in_prompt - prompt.begin());
  const auto wanted = static_cast<Position>(std::min(common, prompt.size() - 1));
  const Position planned = planned_length();
  const Position kept = wanted > 0 ? context.reusable_prefix(kSequence, wanted, planned) : 0;
  if (kept > 0) {
    MINERVA_TRY(context.truncate(kSequence, kept, planned));
  } else {
    context.release(kSequence);
    MINERVA_TRY(context.begin(kSequence, planned));
  }
  sequence_.tokens.resize(static_cast<std::size_t>(kept));
  return {};
}

Result<void> Generator::decode(std::span<const TokenId> tokens, RowOutput last_output) {
  std::vector<BatchRow> rows;
  rows.reserve(tokens.size());
  auto position = static_cast<Position>(sequence_.tokens.size());
  for (const TokenId id : tokens)
    rows.push_back({.input = id, .sequence = kSequence, .position = position++});
  rows.back().output = last_output;

  const DecodeResult decoded = sequence_.context->decode(rows, request_.cancel);
  if (const Error* error = model_.poisoned()) {
    forget_partial_work();
    return std::unexpected(*error);
  }
  switch (decoded.status) {
    case DecodeStatus::Ok:
      break;
    case DecodeStatus::Aborted:
      aborted_ = true;
      forget_partial_work();
      return {};
    case DecodeStatus::NoSlot:
    case DecodeStatus::Fatal:
      forget_partial_work();
      return std::unexpected(decoded.error);
  }
  sequence_.tokens.insert(sequence_.tokens.end(), tokens.begin(), tokens.end());
  if (last_output == RowOutput::Logits) {
    logits_ = sequence_.context->outputs(rows.size() - 1);
    if (logits_.empty()) return internal_error("a decoded row has no logits");
  }
  return {};
}

// After a decode that did not complete, the context may hold some of its rows: go back to what is known.
void Generator::forget_partial_work() {
  Context& context = *sequence_.context;
  const auto known = static_cast<Position>(sequence_.tokens.size());
  const Position planned = planned_length();
  if (known > 0 && context.reusable_prefix(kSequence, known, planned) == known &&
      context.truncate(kSequence, known, planned))
    return;
  context.release(kSequence);
  sequence_.tokens.clear();
}

bool Generator::cancelled() const {
  return aborted_ || receiver_stopped_ || request_.cancel.stop_requested();
}

bool Generator::take(TokenId id) {
  if (!request_.ignore_eos && tokenizer_.is_end_of_generation(id)) {
    finish(FinishReason::Stop);
    return false;
  }
  sampler_.accept(id);
  GeneratedToken token{.id = id, .text = utf8_.push(tokenizer_.token_bytes(id)), .logprob = 0, .top = {}};
  if (request_.logprobs || request_.top_logprobs > 0) {
    Logprobs logprobs = compute_logprobs(logits_, id, request_.top_logprobs);
    token.logprob = logprobs.chosen;
    token.top = std::move(logprobs.top);
  }
  const StopMatcher::Output output = stops_.push(token.text);
  result_.tokens.push_back(std::move(token));
  emit(output.text);
  if (output.stopped) {
    result_.finish_reason = FinishReason::Stop;
    return false;
  }
  if (result_.tokens.size() == max_tokens_) {
    finish(FinishReason::Length);
    return false;
  }
  return true;
}

void Generator::emit(std::string_view text) {
  if (text.empty()) return;
  result_.text += text;
  if (on_text_ && !receiver_stopped_ && !on_text_(text)) receiver_stopped_ = true;
}

// The answer ends here: what was held back is text after all.
void Generator::finish(FinishReason reason) {
  result_.finish_reason = reason;
  const StopMatcher::Output output = stops_.push(utf8_.finish());
  emit(output.text);
  if (!output.stopped) emit(stops_.finish());
}

}  // namespace minerva
