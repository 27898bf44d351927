// Sampling options of a request, the model's recommendations and our defaults, made into one checked set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "minerva/model_description.h"

namespace minerva {

class LogitRules;

struct SamplingSettings {
  float temperature = 0.8F;
  int top_k = 40;
  float top_p = 0.95F;
  float min_p = 0.05F;
  float typical_p = 1.0F;
  float repetition_penalty = 1.0F;
  float presence_penalty = 0.0F;
  float frequency_penalty = 0.0F;
  int penalty_last_n = 64;
  int no_repeat_ngram_size = 0;
  bool temperature_first = false;
  float top_h = 0.0F;
  float epsilon_cutoff = 0.0F;
  float eta_cutoff = 0.0F;
  std::uint64_t seed = 0;
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::shared_ptr<const LogitRules> rules;  ///< what the model's files ask for besides; null: nothing
};

/// A request's value wins over the model's recommendation, that over the default. Errors: InvalidRequest for
/// a request's value out of range (SamplingOptions gives the ranges) or a biased id outside the vocabulary.
/// A recommendation out of range is ignored: it is no fault of the user's. `rules` is left to the caller.
Result<SamplingSettings> resolve_sampling(const SamplingOptions& options, const SamplingDefaults& defaults,
                                          std::size_t vocabulary_size);

}  // namespace minerva
