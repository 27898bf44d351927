#include "native/routing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace minerva::native {
namespace {

void softmax(std::span<float> x) {
  const float max = *std::ranges::max_element(x);
  float sum = 0;
  for (float& v : x) sum += v = std::exp(v - max);
  for (float& v : x) v /= sum;
}

// The `count` largest, best first; the lower index wins among equals.
std::vector<int> best(std::span<const float> scores, int count) {
  std::vector<int> order(scores.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::ranges::partial_sort(order, order.begin() + count, [&](int a, int b) {
    const float sa = scores[static_cast<std::size_t>(a)];
    const float sb = scores[static_cast<std::size_t>(b)];
    return sa != sb ? sa > sb : a < b;
  });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

// DeepSeek: only the experts of the best groups take part.
void mask_groups(std::span<float> scores, const ExpertsSpec& spec) {
  const std::size_t size = scores.size() / static_cast<std::size_t>(spec.groups);
  std::vector<float> group_scores;
  for (std::size_t g = 0; g < static_cast<std::size_t>(spec.groups); ++g) {
    const auto group = scores.subspan(g * size, size);
    const auto top = best(group, spec.group_score_is_top2 && size > 1 ? 2 : 1);
    float score = 0;
    for (const int i : top) score += group[static_cast<std::size_t>(i)];
    group_scores.push_back(score);
  }
  std::vector<bool> kept(group_scores.size(), false);
  for (const int g : best(group_scores, spec.groups_used)) kept[static_cast<std::size_t>(g)] = true;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!kept[i / size]) scores[i] = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace

void route(std::span<float> scores, const ExpertsSpec& spec, const std::vector<float>& correction,
           std::int64_t row, std::vector<ExpertChoice>& choices) {
  if (spec.sigmoid) {
    for (float& s : scores) s = 1.0F / (1.0F + std::exp(-s));
  } else if (spec.softmax_before_top_k) {
    softmax(scores);
  }
  std::vector<float> ranked(scores.begin(), scores.end());
  for (std::size_t i = 0; i < correction.size(); ++i) ranked[i] += correction[i];
  if (spec.groups > 1) mask_groups(ranked, spec);
  const auto chosen = best(ranked, spec.used);

  std::vector<float> weights;
  for (const int expert : chosen) weights.push_back(scores[static_cast<std::size_t>(expert)]);
  if (!spec.sigmoid && !spec.softmax_before_top_k) softmax(weights);
  if (spec.normalise) {
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F) + (spec.sigmoid ? 1e-20F : 0.0F);
    for (float& w : weights) w /= sum;
  }
  for (std::size_t i = 0; i < chosen.size(); ++i)
    choices.push_back({row, chosen[i], weights[i] * spec.scale});
}

}  // namespace minerva::native
