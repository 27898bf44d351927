#include "runtime/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace minerva {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

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
  float best_logit = kMinusInfinity;
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

std::unexpected<Error> nothing_left() {
  return invalid_request("the logit bias bans every token that the constraint on the output allows here",
                         "Take those tokens out of the logit bias, or loosen the constraint.");
}

}  // namespace

Sampler::Sampler(SamplingSettings settings) : settings_(std::move(settings)), random_(settings_.seed) {}

void Sampler::accept(TokenId id) {
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
         settings_.presence_penalty != 0.0F || settings_.frequency_penalty != 0.0F;
}

void Sampler::apply_bias_and_penalties(std::span<float> logits) const {
  for (const auto& [id, bias] : settings_.logit_bias) logits[static_cast<std::size_t>(id)] += bias;
  for (const auto& [id, count] : occurrences_) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<std::size_t>(id)];
    // Keskar et al. 2019 (CTRL): dividing a negative logit would raise it.
    logit = logit > 0 ? logit / settings_.repetition_penalty : logit * settings_.repetition_penalty;
    logit -= settings_.presence_penalty + static_cast<float>(count) * settings_.frequency_penalty;
  }
}

Result<TokenId> Sampler::sample(std::span<const float> logits, std::span<const std::uint32_t> mask) {
  const std::span<const float> computed = logits;
  if (changes_logits()) {
    adjusted_.assign(logits.begin(), logits.end());
    apply_bias_and_penalties(adjusted_);
    logits = adjusted_;
  }
  const std::ptrdiff_t best = argmax(logits, mask);
  if (best < 0 && !mask.empty()) {
    if (std::ranges::all_of(mask, [](std::uint32_t word) { return word == 0; })) return nothing_allowed();
    if (argmax(computed, mask) >= 0) return nothing_left();
  }
  if (best < 0) return no_finite_logit();
  if (settings_.temperature == 0 || settings_.top_k == 1) return static_cast<TokenId>(best);

  candidates_.clear();
  for_each_allowed(logits.size(), mask, [&](std::size_t i) {
    if (logits[i] > kMinusInfinity) candidates_.push_back({static_cast<TokenId>(i), logits[i]});
  });
  keep_top_k();
  keep_typical();
  keep_top_p();
  keep_min_p();
  return draw();
}

void Sampler::sort_best_first(std::size_t count) {
  const auto middle = candidates_.begin() + static_cast<std::ptrdiff_t>(std::min(count, candidates_.size()));
  std::partial_sort(
      candidates_.begin(), middle, candidates_.end(),
      [](const Candidate& a, const Candidate& b) { return better(a.logit, a.id, b.logit, b.id); });
}

void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(settings_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  sort_best_first(k);
  candidates_.resize(k);
}

// Meister et al. 2022: keep the tokens whose surprise is nearest to the entropy, up to the mass typical_p.
void Sampler::keep_typical() {
  if (settings_.typical_p >= 1) return;
  const float max = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  double sum = 0;
  for (const Candidate& c : candidates_) sum += std::exp(static_cast<double>(c.logit - max));
  const double log_sum = std::log(sum) + max;
  double entropy = 0;
  for (const Candidate& c : candidates_) entropy -= std::exp(c.logit - log_sum) * (c.logit - log_sum);
  const auto distance = [&](const Candidate& c) { return std::abs(log_sum - c.logit - entropy); };
  std::ranges::sort(candidates_, [&](const Candidate& a, const Candidate& b) {
    const double da = distance(a);
    const double db = distance(b);
    return da != db ? da < db : better(a.logit, a.id, b.logit, b.id);
  });
  double mass = 0;
  std::size_t kept = 0;
  while (kept < candidates_.size() && mass < settings_.typical_p) {
    mass += std::exp(candidates_[kept].logit - log_sum);
    ++kept;
  }
  candidates_.resize(kept);
}

// Holtzman et al. 2020. Sorts only as many as the nucleus needs: a vocabulary has 10^5 entries, a nucleus
// tens.
void Sampler::keep_top_p() {
  if (settings_.top_p >= 1) return;
  const float max = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  double sum = 0;
  for (const Candidate& c : candidates_) sum += std::exp(static_cast<double>(c.logit - max));
  for (std::size_t sorted = 64;; sorted *= 4) {
    sort_best_first(sorted);
    const std::size_t count = std::min(sorted, candidates_.size());
    double mass = 0;
    for (std::size_t i = 0; i < count; ++i) {
      mass += std::exp(static_cast<double>(candidates_[i].logit - max)) / sum;
      if (mass >= settings_.top_p) {
        candidates_.resize(i + 1);
        return;
      }
    }
    if (count == candidates_.size()) return;  // rounding kept the mass just below top_p
  }
}

void Sampler::keep_min_p() {
  if (settings_.min_p <= 0) return;
  const float max = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  const float threshold = max + std::log(settings_.min_p);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.logit < threshold; });
}

TokenId Sampler::draw() {
  const float max = std::ranges::max(candidates_, {}, &Candidate::logit).logit;
  const auto weight = [&](const Candidate& c) {
    return std::exp(static_cast<double>(c.logit - max) / settings_.temperature);
  };
  const double sum =
      std::transform_reduce(candidates_.begin(), candidates_.end(), 0.0, std::plus<>(), weight);
  // 53 random bits: the standard's distributions differ between libraries, this does not.
  double left = static_cast<double>(random_() >> 11) * 0x1.0p-53 * sum;
  for (const Candidate& c : candidates_) {
    left -= weight(c);
    if (left < 0) return c.id;
  }
  return candidates_.back().id;
}

Logprobs compute_logprobs(std::span<const float> logits, TokenId id, std::size_t count) {
  const std::ptrdiff_t best = argmax(logits);
  if (best < 0) return {};
  const float max = logits[static_cast<std::size_t>(best)];
  double sum = 0;
  for (const float logit : logits) {
    if (logit > kMinusInfinity) sum += std::exp(static_cast<double>(logit - max));
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
    if (logits[i] > kMinusInfinity) ids.push_back(static_cast<TokenId>(i));
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
