#include "runtime/candidates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace minerva {
namespace {

constexpr auto kBetter = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
};

// Keeps the first, in the order `before`, whose weights add up to `mass`. Sorts only as many as that needs: a
// vocabulary has 10^5 entries, a nucleus tens.
template <class T, class Before, class Weight>
void keep_mass(std::vector<T>& all, double mass, Before before, Weight weight) {
  constexpr std::size_t kFirst = 64;
  constexpr std::size_t kGrowth = 8;
  double sum = 0;
  std::size_t sorted = 0;
  for (std::size_t want = kFirst; sorted < all.size(); want *= kGrowth) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(sorted);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(want, all.size()));
    if (want == kFirst) {  // few of many: a heap is quicker
      std::partial_sort(begin, end, all.end(), before);
    } else {
      if (end != all.end()) std::nth_element(begin, end, all.end(), before);
      std::sort(begin, end, before);
    }
    for (auto c = begin; c != end; ++c) {
      sum += weight(*c);
      if (sum >= mass) {
        all.erase(c + 1, all.end());
        return;
      }
    }
    sorted = static_cast<std::size_t>(end - all.begin());
  }  // rounding may keep the sum just below the mass
}

}  // namespace

double Candidates::Softmax::probability(float logit) const {
  return std::exp(logit - log_sum);
}

float Candidates::max_logit() const {
  return std::ranges::max(all_, {}, &Candidate::logit).logit;
}

Candidates::Softmax Candidates::softmax() const {
  const float max = max_logit();
  double sum = 0;
  for (const Candidate& c : all_) sum += std::exp(static_cast<double>(c.logit - max));
  return {.log_sum = std::log(sum) + max};
}

double Candidates::entropy(const Softmax& softmax) const {
  double entropy = 0;
  for (const Candidate& c : all_) entropy -= softmax.probability(c.logit) * (c.logit - softmax.log_sum);
  return entropy;
}

void Candidates::narrow(const SamplingSettings& s) {
  if (s.temperature_first) apply_temperature(s.temperature);
  keep_top_h(s.top_h);
  keep_top_k(s.top_k);
  if (!s.temperature_first) keep_typical(s.typical_p);
  keep_top_p(s.top_p);
  keep_min_p(s.min_p);
  if (s.temperature_first) keep_typical(s.typical_p);
  keep_epsilon(s.epsilon_cutoff);
  keep_eta(s.eta_cutoff);
  // Last, in double precision, where nothing is to be compared after it.
  if (!s.temperature_first) temperature_ = s.temperature;
}

void Candidates::apply_temperature(float temperature) {
  if (temperature == 1) return;
  for (Candidate& c : all_) c.logit /= temperature;
}

void Candidates::keep_top_k(int k) {
  const auto count = static_cast<std::size_t>(k);
  if (count == 0 || count >= all_.size()) return;
  std::partial_sort(all_.begin(), all_.begin() + k, all_.end(), kBetter);
  all_.resize(count);
}

void Candidates::keep_typical(float typical_p) {
  if (typical_p >= 1) return;
  const Softmax all = softmax();
  const double expected = entropy(all);
  distant_.clear();
  for (const Candidate& c : all_) distant_.push_back({std::abs(all.log_sum - c.logit - expected), c});
  keep_mass(
      distant_, typical_p,
      [](const Distant& a, const Distant& b) {
        return a.distance != b.distance ? a.distance < b.distance : kBetter(a.candidate, b.candidate);
      },
      [&](const Distant& c) { return all.probability(c.candidate.logit); });
  all_.clear();
  for (const Distant& c : distant_) all_.push_back(c.candidate);
}

void Candidates::keep_top_p(float top_p) {
  if (top_p >= 1) return;
  const float max = max_logit();
  double sum = 0;
  for (const Candidate& c : all_) sum += std::exp(static_cast<double>(c.logit - max));
  keep_mass(all_, top_p, kBetter,
            [&](const Candidate& c) { return std::exp(static_cast<double>(c.logit - max)) / sum; });
}

void Candidates::keep_min_p(float min_p) {
  if (min_p <= 0) return;
  const float threshold = max_logit() + std::log(min_p);
  std::erase_if(all_, [&](const Candidate& c) { return c.logit < threshold; });
}

void Candidates::keep_top_h(float top_h) {
  constexpr int kConsidered = 100;
  if (top_h <= 0) return;
  keep_top_k(kConsidered);
  std::ranges::sort(all_, kBetter);
  const Softmax all = softmax();
  const double most = entropy(all) * top_h;
  double sum = 0;
  std::size_t kept = 0;
  for (; kept < all_.size(); ++kept) {
    const float logit = all_[kept].logit;
    sum -= all.probability(logit) * (logit - all.log_sum);
    if (sum > most) break;
  }
  all_.resize(std::max<std::size_t>(kept, 1));
}

void Candidates::keep_probability(double least, const Softmax& softmax) {
  const float max = max_logit();
  std::erase_if(all_,
                [&](const Candidate& c) { return softmax.probability(c.logit) < least && c.logit < max; });
}

void Candidates::keep_epsilon(float epsilon) {
  if (epsilon > 0 && epsilon < 1) keep_probability(epsilon, softmax());
}

void Candidates::keep_eta(float eta) {
  if (!(eta > 0 && eta < 1)) return;
  const Softmax all = softmax();
  const double e = eta;
  keep_probability(std::min(e, std::sqrt(e) * std::exp(-entropy(all))), all);
}

TokenId Candidates::best() const {
  return std::ranges::min(all_, kBetter).id;
}

std::vector<TokenId> Candidates::ids() const {
  std::vector<TokenId> ids;
  for (const Candidate& c : all_) ids.push_back(c.id);
  return ids;
}

TokenId Candidates::draw(std::uint64_t random) const {
  const float max = max_logit();
  const auto weight = [&](const Candidate& c) {
    return std::exp(static_cast<double>(c.logit - max) / temperature_);
  };
  const double sum = std::transform_reduce(all_.begin(), all_.end(), 0.0, std::plus<>(), weight);
  // Random bits of our own making: the standard's distributions differ between libraries.
  double left = static_cast<double>(random) * 0x1.0p-53 * sum;
  for (const Candidate& c : all_) {
    left -= weight(c);
    if (left < 0) return c.id;
  }
  return all_.back().id;
}

}  // namespace minerva
