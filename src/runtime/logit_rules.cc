#include "runtime/logit_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace minerva {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

float* at(std::span<float> logits, TokenId id) noexcept {
  return id >= 0 && static_cast<std::size_t>(id) < logits.size() ? &logits[static_cast<std::size_t>(id)]
                                                                 : nullptr;
}

// What a request demands (infinity) stays demanded.
void add(std::span<float> logits, TokenId id, float bias) noexcept {
  float* logit = at(logits, id);
  if (logit != nullptr && !std::isinf(*logit)) *logit = std::isinf(bias) ? bias : *logit + bias;
}

void ban(std::span<float> logits, std::span<const TokenId> ids) noexcept {
  for (const TokenId id : ids) add(logits, id, kMinusInfinity);
}

void force(std::span<float> logits, std::span<const TokenId> ids) noexcept {
  std::ranges::fill(logits, kMinusInfinity);
  for (const TokenId id : ids)
    if (float* logit = at(logits, id)) *logit = 0;
}

// NaN: 0; the infinities: the largest and the least number.
void remove_invalid(std::span<float> logits) noexcept {
  for (float& logit : logits) {
    if (std::isnan(logit)) logit = 0;
    logit = std::clamp(logit, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
  }
}

}  // namespace

void ban_repeated_ngrams(std::span<const TokenId> seen, std::span<const TokenId> tokens, int size,
                         std::span<float> logits) {
  const auto before = static_cast<std::size_t>(size) - 1;
  if (tokens.size() < before) return;
  const auto end = tokens.last(before);
  for (std::size_t next = before; next < seen.size(); ++next) {
    // Most differ in the last token already.
    if (before > 0 && seen[next - 1] != end.back()) continue;
    if (!std::ranges::equal(seen.subspan(next - before, before), end)) continue;
    if (float* logit = at(logits, seen[next])) *logit = kMinusInfinity;
  }
}

LogitRules::LogitRules(SamplingDefaults recommended, std::vector<TokenId> ends)
    : asked_(std::move(recommended)), ends_(std::move(ends)) {
  std::map<std::vector<TokenId>, float> biases;  // of those given twice the last counts
  for (SequenceBias& each : asked_.sequence_bias) biases.insert_or_assign(std::move(each.ids), each.bias);
  for (const auto& [ids, bias] : biases) {
    if (ids.size() == 1) single_.emplace_back(ids[0], bias);
    if (ids.size() < 2) continue;
    continuations_[ids[ids.size() - 2]].push_back(
        {.before = {ids.begin(), ids.end() - 2}, .last = ids.back(), .bias = bias});
  }
  asked_.sequence_bias.clear();
}

bool LogitRules::asked_for(const SamplingDefaults& d) noexcept {
  return !d.sequence_bias.empty() || d.encoder_repetition_penalty.value_or(1) != 1 ||
         d.encoder_no_repeat_ngram_size.value_or(0) > 0 || d.min_length.value_or(0) > 0 ||
         d.min_new_tokens.value_or(0) > 0 || d.forced_bos_token_id || !d.forced_eos_token_ids.empty() ||
         d.remove_invalid_values || d.length_penalty_from || !d.suppress_tokens.empty() ||
         !d.begin_suppress_tokens.empty();
}

void LogitRules::bias(const TokenHistory& history, std::span<float> logits) const {
  for (const auto& [id, bias] : single_) add(logits, id, bias);
  const std::span<const TokenId> tokens = history.tokens;
  if (const auto found = tokens.empty() ? continuations_.end() : continuations_.find(tokens.back());
      found != continuations_.end()) {
    const auto before = tokens.first(tokens.size() - 1);
    for (const Continuation& each : found->second) {
      if (each.before.size() <= before.size() &&
          std::ranges::equal(before.last(each.before.size()), each.before)) {
        add(logits, each.last, each.bias);
      }
    }
  }
  if (const float penalty = asked_.encoder_repetition_penalty.value_or(1); penalty != 1) {
    const auto factor = static_cast<float>(1.0 / static_cast<double>(penalty));
    for (const TokenId id : history.prompt_ids) {
      if (float* logit = at(logits, id)) *logit = *logit < 0 ? *logit * factor : *logit / factor;
    }
  }
}

void LogitRules::restrict(const TokenHistory& history, std::span<float> logits) const {
  const std::span<const TokenId> tokens = history.tokens;
  const std::size_t length = tokens.size();
  if (const int size = asked_.encoder_no_repeat_ngram_size.value_or(0); size > 0)
    ban_repeated_ngrams(tokens.first(history.prompt_size), tokens, size, logits);
  const std::size_t length_min =
      asked_.min_new_tokens ? history.prompt_size + *asked_.min_new_tokens : asked_.min_length.value_or(0);
  if (length < length_min) ban(logits, ends_);
  if (asked_.forced_bos_token_id && length == 1) force(logits, std::span(&*asked_.forced_bos_token_id, 1));
  if (!asked_.forced_eos_token_ids.empty() && length + 1 == history.length_max)
    force(logits, asked_.forced_eos_token_ids);
  if (asked_.remove_invalid_values) remove_invalid(logits);
  if (asked_.length_penalty_from) make_ends_likelier(length, history, logits);
  ban(logits, asked_.suppress_tokens);
  // Where a token was forced after a prompt of one, the answer begins after it.
  const std::size_t begin =
      history.prompt_size + (history.prompt_size <= 1 && asked_.forced_bos_token_id ? 1 : 0);
  if (length == begin) ban(logits, asked_.begin_suppress_tokens);
}

void LogitRules::make_ends_likelier(std::size_t length, const TokenHistory& history,
                                    std::span<float> logits) const {
  const std::size_t from = history.prompt_size + *asked_.length_penalty_from;
  if (length <= from) return;
  const double factor = static_cast<double>(asked_.length_penalty_factor.value_or(1));
  const auto share = static_cast<float>(std::pow(factor, static_cast<double>(length - from)) - 1);
  for (const TokenId id : ends_) {
    float* logit = at(logits, id);
    if (logit != nullptr && std::isfinite(*logit) && *logit != 0) *logit += std::abs(*logit) * share;
  }
}

}  // namespace minerva
