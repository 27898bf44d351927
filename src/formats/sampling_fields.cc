#include "formats/sampling_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/limits.h"

namespace minerva {
namespace {

constexpr double kIntMax = std::numeric_limits<std::int32_t>::max();

/// Stores `value` in the field when min <= value <= max.
template <auto Field>
bool set_float(double value, double min, double max, SamplingDefaults& out) {
  if (!(value >= min && value <= max)) return false;
  out.*Field = static_cast<float>(value);
  return true;
}

template <auto Field>
bool set_int(double value, double min, double max, SamplingDefaults& out) {
  if (!(value >= min && value <= max) || std::floor(value) != value) return false;
  out.*Field = static_cast<int>(value);
  return true;
}

// Lengths beyond what any context holds mean "no limit".
template <auto Field>
bool set_length(double value, double min, SamplingDefaults& out) {
  if (!(value >= min) || std::isinf(value) || std::floor(value) != value) return false;
  out.*Field = static_cast<std::uint32_t>(std::min(value, kIntMax));
  return true;
}

template <auto Field>
bool set_probability(double value, SamplingDefaults& out) {
  return set_float<Field>(value, 0, 1, out);
}

template <auto Field>
bool set_share(double value, SamplingDefaults& out) {
  return value > 0 && set_float<Field>(value, 0, 1, out);
}

template <auto Field>
bool set_penalty(double value, SamplingDefaults& out) {
  return value > 0 && set_float<Field>(value, 0, 100, out);
}

template <auto Field>
bool set_ngram_size(double value, SamplingDefaults& out) {
  return set_int<Field>(value, 0, limits::kNoRepeatNgramSizeMax, out);
}

bool set_temperature(double value, SamplingDefaults& out) {
  return set_float<&SamplingDefaults::temperature>(value, 0, 100, out);
}

// -1 is how some publishers write "off".
bool set_top_k(double value, SamplingDefaults& out) {
  return set_int<&SamplingDefaults::top_k>(value == -1 ? 0 : value, 0, kIntMax, out);
}

bool set_penalty_last_n(double value, SamplingDefaults& out) {
  return set_int<&SamplingDefaults::penalty_last_n>(value, -1, kIntMax, out);
}

bool set_max_time(double value, SamplingDefaults& out) {
  return value > 0 &&
         set_float<&SamplingDefaults::max_time>(value, 0, std::numeric_limits<float>::max(), out);
}

template <auto Field>
bool set_length_max(double value, SamplingDefaults& out) {
  return set_length<Field>(value, 1, out);
}

template <auto Field>
bool set_length_min(double value, SamplingDefaults& out) {
  return set_length<Field>(value, 0, out);
}

constexpr std::string_view kProbability = "0 to 1";
constexpr std::string_view kShare = "above 0, at most 1";
constexpr std::string_view kPenalty = "above 0, at most 100";
constexpr std::string_view kNgramSize = "a whole number from 0 to 256";
constexpr std::string_view kWhole = "a whole number, 0 or more";
constexpr std::string_view kPositive = "a whole number, 1 or more";
static_assert(limits::kNoRepeatNgramSizeMax == 256);

using D = SamplingDefaults;
constexpr auto kFields = std::to_array<SamplingField>({
    {"temp", "temperature", "0 to 100", set_temperature},
    {"top_k", "top_k", kWhole, set_top_k},
    {"top_p", "top_p", kShare, set_share<&D::top_p>},
    {"min_p", "min_p", kProbability, set_probability<&D::min_p>},
    {"penalty_repeat", "repetition_penalty", kPenalty, set_penalty<&D::repetition_penalty>},
    {"penalty_last_n", "", "a whole number, -1 or more", set_penalty_last_n},
    {"", "typical_p", kShare, set_share<&D::typical_p>},
    {"", "top_h", kShare, set_share<&D::top_h>},
    {"", "epsilon_cutoff", kProbability, set_probability<&D::epsilon_cutoff>},
    {"", "eta_cutoff", kProbability, set_probability<&D::eta_cutoff>},
    {"", "encoder_repetition_penalty", kPenalty, set_penalty<&D::encoder_repetition_penalty>},
    {"", "no_repeat_ngram_size", kNgramSize, set_ngram_size<&D::no_repeat_ngram_size>},
    {"", "encoder_no_repeat_ngram_size", kNgramSize, set_ngram_size<&D::encoder_no_repeat_ngram_size>},
    {"", "max_new_tokens", kPositive, set_length_max<&D::max_new_tokens>},
    {"", "max_length", kPositive, set_length_max<&D::max_length>},
    {"", "min_new_tokens", kWhole, set_length_min<&D::min_new_tokens>},
    {"", "min_length", kWhole, set_length_min<&D::min_length>},
    {"", "max_time", "seconds, above 0", set_max_time},
});

}  // namespace

std::span<const SamplingField> sampling_fields() noexcept {
  return kFields;
}

}  // namespace minerva
