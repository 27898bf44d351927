#include "runtime/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace minerva {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool better(float logit_a, TokenId a, float logit_b, TokenId b) noexcept {
  return logit_a != logit_b ? logit_a > logit_b : a < b;
}

std::unexpected<Error> no_finite_logit() {
  return model_loading("the model computed no usable logits (all are NaN or -infinity)",
                       "Its weights may be damaged: download the model again, or try another quantisation.");
}

// Calls `visit(index)` for each allowed token, in ascending order. A grammar often allows few of many: words
// without a bit cost one comparison.
template <typename Visit>
void for_each_allowed(std::size_t size, std::span<const std::uint32_t> mask, Visit visit) {
  if (mask.empty()) {
    for (std::size_t i = 0; i < size; ++i) visit(i);
    return;
  }
  for (std::size_t word = 0; word < mask.size() && word * 32 < size; ++word) {
    for (std::uint32_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      const std::size_t i = word * 32 + static_cast<std::size_t>(std::countr_zero(bits));
      if (i < size) visit(i);
    }
  }
}

// The index of the largest allowed logit, the first of equals; NaN never wins. -1 when there is none.
std::ptrdiff_t argmax(std::span<const float> logits, std::span<const std::uint32_t> mask = {}) {
  std::ptrdiff_t best = -1;
  float best_logit = -kInfinity;
  for_each_allowed(logits.size(), mask, [&](std::size_t i) {
    if (logits[i] > best_logit) {
      best_logit = logits[i];
      best = static_cast<std::ptrdiff_t>(i);
    }
  });
  return best;
}

std::unexpected<Error> nothing_allowed() {
  return invalid_request(
      "no token of the model's vocabulary can go on with what the constraint demands here",
      "Loosen the constraint, or use a model whose vocabulary has the characters it needs.");
}

std::unexpected<Error> nothing_left(bool is_constrained) {
  return invalid_request(is_constrained
                             ? "the logit bias bans every token that the constraint on the output allows here"
                             : "the logit bias bans every token of the vocabulary",
                         is_constrained ? "Take those tokens out of the logit bias, or loosen the constraint."
                                        : "Leave a token that can be chosen.");
}

bool is_finite(float logit) noexcept {
  return std::isfinite(logit);
}

}  // namespace

Sampler::Sampler(SamplingSettings settings) : settings_(std::move(settings)), random_(settings_.seed) {}

void Sampler::begin(std::span<const TokenId> prompt, std::size_t tokens_max) {
  for (const TokenId id : prompt) accept(id);
  all_.prompt_size = prompt.size();
  all_.length_max = prompt.size() + tokens_max;
  if (settings_.rules == nullptr) return;
  all_.prompt_ids.assign(prompt.begin(), prompt.end());
  std::ranges::sort(all_.prompt_ids);
  const auto repeated = std::ranges::unique(all_.prompt_ids);
  all_.prompt_ids.erase(repeated.begin(), repeated.end());
}

bool Sampler::keeps_history() const noexcept {
  return settings_.rules != nullptr || settings_.no_repeat_ngram_size > 0;
}

void Sampler::accept(TokenId id) {
  if (keeps_history()) all_.tokens.push_back(id);
  if (settings_.penalty_last_n == 0) return;
  history_.push_back(id);
  ++occurrences_[id];
  if (settings_.penalty_last_n < 0 || history_.size() <= static_cast<std::size_t>(settings_.penalty_last_n))
    return;
  const auto oldest = occurrences_.find(history_.front());
  if (--oldest->second == 0) occurrences_.erase(oldest);
  history_.pop_front();
}

bool Sampler::changes_logits() const noexcept {
  return !settings_.logit_bias.empty() || settings_.repetition_penalty != 1.0F ||
         settings_.presence_penalty != 0.0F || settings_.frequency_penalty != 0.0F || keeps_history();
}

void Sampler::apply_penalties(std::span<float> logits) const {
  for (const auto& [id, count] : occurrences_) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<std::size_t>(id)];
    // Keskar et al. 2019 (CTRL): dividing a negative logit would raise it.
    logit = logit > 0 ? logit / settings_.repetition_penalty : logit * settings_.repetition_penalty;
    logit -= settings_.presence_penalty + static_cast<float>(count) * settings_.frequency_penalty;
  }
}

std::span<const float> Sampler::adjusted(std::span<const float> logits, bool with_rules) {
  if (!changes_logits()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : settings_.logit_bias) {
    float& logit = adjusted_[static_cast<std::size_t>(id)];
    logit = is_finite(bias) ? logit + bias : bias;  // infinite: whatever it was
  }
  const LogitRules* rules = with_rules ? settings_.rules.get() : nullptr;
  if (rules != nullptr) rules->bias(all_, adjusted_);
  apply_penalties(adjusted_);
  if (with_rules && settings_.no_repeat_ngram_size > 0)
    ban_repeated_ngrams(all_.tokens, all_.tokens, settings_.no_repeat_ngram_size, adjusted_);
  if (rules != nullptr) rules->restrict(all_, adjusted_);
  for (const auto& [id, bias] : settings_.logit_bias)  // what a request demands or bans, no rule takes back
    if (!is_finite(bias)) adjusted_[static_cast<std::size_t>(id)] = bias;
  return adjusted_;
}

Result<TokenId> Sampler::sample(std::span<const float> logits, std::span<const std::uint32_t> mask) {
  const std::span<const float> computed = logits;
  logits = adjusted(computed);
  std::ptrdiff_t best = argmax(logits, mask);
  if (best < 0 && keeps_history()) {
    logits = adjusted(computed, false);
    best = argmax(logits, mask);
  }
  if (best < 0) {
    if (!mask.empty() && std::ranges::all_of(mask, [](std::uint32_t word) { return word == 0; }))
      return nothing_allowed();
    if (argmax(computed, mask) >= 0) return nothing_left(!mask.empty());
    return no_finite_logit();
  }
  const bool greedy = settings_.temperature == 0 || settings_.top_k == 1;
  // Those that are infinitely likely (a bias demands them) are compared by what the model makes of them.
  const bool demanded = std::isinf(logits[static_cast<std::size_t>(best)]);
  if (greedy && !demanded) return static_cast<TokenId>(best);

  candidates_.clear();
  if (demanded) {
    for_each_allowed(logits.size(), mask, [&](std::size_t i) {
      if (logits[i] == kInfinity)
        candidates_.add(static_cast<TokenId>(i), is_finite(computed[i]) ? computed[i] : 0);
    });
  } else {
    for_each_allowed(logits.size(), mask, [&](std::size_t i) {
      if (logits[i] > -kInfinity) candidates_.add(static_cast<TokenId>(i), logits[i]);
    });
  }
  if (greedy) return candidates_.best();
  candidates_.narrow(settings_);
  return candidates_.draw(random_() >> 11);
}

Logprobs compute_logprobs(std::span<const float> logits, TokenId id, std::size_t count) {
  const std::ptrdiff_t best = argmax(logits);
  if (best < 0) return {};
  const float max = logits[static_cast<std::size_t>(best)];
  double sum = 0;
  for (const float logit : logits) {
    if (logit > -kInfinity) sum += std::exp(static_cast<double>(logit - max));
  }
  const double log_sum = std::log(sum);
  const auto logprob = [&](TokenId token) {
    return static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(token)]) - max - log_sum);
  };
  Logprobs result{.chosen = logprob(id), .top = {}};
  if (count == 0) return result;
  std::vector<TokenId> ids;
  ids.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInfinity) ids.push_back(static_cast<TokenId>(i));
  }
  count = std::min(count, ids.size());
  std::partial_sort(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), [&](TokenId a, TokenId b) {
        return better(logits[static_cast<std::size_t>(a)], a, logits[static_cast<std::size_t>(b)], b);
      });
  for (std::size_t i = 0; i < count; ++i) result.top.push_back({ids[i], logprob(ids[i])});
  return result;
}

}  // namespace minerva
