#include "model/divergence.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

namespace minerva::testing {
namespace {

constexpr std::size_t kChunk = 128;  // rows of logits at a time

// A row of logits as a distribution.
struct Distribution {
  std::vector<float> weights;  ///< sum to 1
  double log_sum = 0;          ///< log of the sum of exp(logit)
  std::ptrdiff_t best = 0;

  void take(std::span<const float> logits) {
    best = std::ranges::max_element(logits) - logits.begin();
    const float largest = logits[static_cast<std::size_t>(best)];
    weights.resize(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) sum += weights[i] = std::exp(logits[i] - largest);
    log_sum = static_cast<double>(largest) + std::log(sum);
    const auto factor = static_cast<float>(1 / sum);
    for (float& weight : weights) weight *= factor;
  }
};

// sum p (log p - log q)
double divergence(const Distribution& p, std::span<const float> p_logits, const Distribution& q,
                  std::span<const float> q_logits) {
  double sum = 0;
  for (std::size_t i = 0; i < p_logits.size(); ++i)
    sum += static_cast<double>(p.weights[i]) * static_cast<double>(p_logits[i] - q_logits[i]);
  return sum - p.log_sum + q.log_sum;
}

using RowCallback = std::function<void(std::size_t row, std::span<const float> logits)>;

Result<void> for_each_row(Model& model, std::span<const TokenId> ids, const RowCallback& take) {
  MINERVA_ASSIGN(
      const auto context,
      model.new_context({.context_tokens = static_cast<std::uint32_t>(ids.size()), .batch_tokens = kChunk}));
  MINERVA_TRY(context->begin(0, static_cast<Position>(ids.size())));
  for (std::size_t first = 0; first < ids.size(); first += kChunk) {
    const auto chunk = ids.subspan(first, std::min(kChunk, ids.size() - first));
    std::vector<BatchRow> rows;
    for (const TokenId id : chunk) {
      rows.push_back(
          {.input = id, .position = static_cast<Position>(first + rows.size()), .output = RowOutput::Logits});
    }
    auto result = context->decode(rows);
    if (result.status != DecodeStatus::Ok) return std::unexpected(std::move(result.error));
    for (std::size_t row = 0; row < chunk.size(); ++row) take(first + row, context->outputs(row));
  }
  return {};
}

}  // namespace

// One model after the other: their threads would wait for each other.
Result<std::vector<Divergence>> measure_divergence(Model& reference, const std::vector<Model*>& others,
                                                   std::span<const TokenId> ids) {
  std::vector<std::vector<float>> expected(ids.size());
  MINERVA_TRY(for_each_row(reference, ids, [&](std::size_t row, std::span<const float> logits) {
    expected[row].assign(logits.begin(), logits.end());
  }));
  std::vector<Divergence> all;
  Distribution p;
  Distribution q;
  for (Model* model : others) {
    Divergence& sum = all.emplace_back();
    MINERVA_TRY(for_each_row(*model, ids, [&](std::size_t row, std::span<const float> logits) {
      q.take(expected[row]);
      p.take(logits);
      sum.kl += divergence(p, logits, q, expected[row]);
      sum.top1 += p.best == q.best ? 1 : 0;
    }));
    sum.kl /= static_cast<double>(ids.size());
    sum.top1 /= static_cast<double>(ids.size());
  }
  return all;
}

}  // namespace minerva::testing
