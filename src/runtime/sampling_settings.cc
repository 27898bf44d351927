#include "runtime/sampling_settings.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string_view>
#include <type_traits>

#include "base/limits.h"

namespace minerva {
namespace {

// The one range table for sampling fields.
template <class T>
struct Range {
  std::string_view name;
  T min;
  T max;
  bool min_is_open = false;

  bool contains(T value) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) return false;
    }
    return (min_is_open ? value > min : value >= min) && value <= max;
  }
};

constexpr Range<float> kTemperature{"temperature", 0, 100};
constexpr Range<int> kTopK{"top_k", 0, std::numeric_limits<int>::max()};
constexpr Range<float> kTopP{"top_p", 0, 1, true};
constexpr Range<float> kMinP{"min_p", 0, 1};
constexpr Range<float> kTypicalP{"typical_p", 0, 1, true};
constexpr Range<float> kRepetitionPenalty{"repetition_penalty", 0, 100, true};
constexpr Range<float> kPresencePenalty{"presence_penalty", -100, 100};
constexpr Range<float> kFrequencyPenalty{"frequency_penalty", -100, 100};
constexpr Range<int> kPenaltyLastN{"penalty_last_n", -1, std::numeric_limits<int>::max()};
constexpr Range<int> kNoRepeatNgramSize{"no_repeat_ngram_size", 0, limits::kNoRepeatNgramSizeMax};

template <class T>
Result<T> pick(const Range<T>& range, const std::optional<T>& asked, const std::optional<T>& recommended,
               T fallback) {
  if (asked) {
    if (range.contains(*asked)) return *asked;
    return invalid_request(
        fmt::format("{} is {}, which is out of range", range.name, *asked),
        fmt::format("Give a number in {}{}, {}].", range.min_is_open ? '(' : '[', range.min, range.max));
  }
  if (recommended && range.contains(*recommended)) return *recommended;
  return fallback;
}

Result<void> check_bias(const SamplingOptions& options, std::size_t vocabulary_size) {
  for (const auto& [id, bias] : options.logit_bias) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary_size) {
      return invalid_request(
          fmt::format("logit_bias names token {}, but the vocabulary has {} tokens", id, vocabulary_size),
          "Use `minerva tokenize` to find the ids of a text.");
    }
    if (std::isnan(bias)) {
      return invalid_request(fmt::format("logit_bias for token {} is not a number", id),
                             "Give a number, or -inf to ban the token.");
    }
  }
  return {};
}

}  // namespace

Result<SamplingSettings> resolve_sampling(const SamplingOptions& options, const SamplingDefaults& defaults,
                                          std::size_t vocabulary_size) {
  SamplingSettings s;
  MINERVA_ASSIGN(s.temperature, pick(kTemperature, options.temperature, defaults.temperature, s.temperature));
  MINERVA_ASSIGN(s.top_k, pick(kTopK, options.top_k, defaults.top_k, s.top_k));
  MINERVA_ASSIGN(s.top_p, pick(kTopP, options.top_p, defaults.top_p, s.top_p));
  MINERVA_ASSIGN(s.min_p, pick(kMinP, options.min_p, defaults.min_p, s.min_p));
  MINERVA_ASSIGN(s.typical_p, pick(kTypicalP, options.typical_p, defaults.typical_p, s.typical_p));
  MINERVA_ASSIGN(s.repetition_penalty, pick(kRepetitionPenalty, options.repetition_penalty,
                                            defaults.repetition_penalty, s.repetition_penalty));
  MINERVA_ASSIGN(s.presence_penalty,
                 pick(kPresencePenalty, options.presence_penalty, {}, s.presence_penalty));
  MINERVA_ASSIGN(s.frequency_penalty,
                 pick(kFrequencyPenalty, options.frequency_penalty, {}, s.frequency_penalty));
  MINERVA_ASSIGN(s.penalty_last_n,
                 pick(kPenaltyLastN, options.penalty_last_n, defaults.penalty_last_n, s.penalty_last_n));
  MINERVA_ASSIGN(s.no_repeat_ngram_size, pick(kNoRepeatNgramSize, options.no_repeat_ngram_size,
                                              defaults.no_repeat_ngram_size, s.no_repeat_ngram_size));
  s.temperature_first = defaults.temperature_first;
  s.top_h = defaults.top_h.value_or(0);
  s.epsilon_cutoff = defaults.epsilon_cutoff.value_or(0);
  s.eta_cutoff = defaults.eta_cutoff.value_or(0);
  MINERVA_TRY(check_bias(options, vocabulary_size));
  s.logit_bias = options.logit_bias;
  s.seed = options.seed ? *options.seed : std::random_device{}();
  return s;
}

}  // namespace minerva
