#include "formats/sampling_fields.h"

#include <array>
#include <cmath>

namespace minerva {
namespace {

constexpr double kTopKMax = 2'147'483'647;

/// Stores `value` in the field when min <= value <= max.
template <auto Field>
bool set_float(double value, double min, double max, SamplingDefaults& out) {
  if (!(value >= min && value <= max)) return false;
  out.*Field = static_cast<float>(value);
  return true;
}

bool set_top_k(double value, SamplingDefaults& out) {
  if (value == -1) value = 0;  // how some publishers write "off"
  if (!(value >= 0 && value <= kTopKMax) || std::floor(value) != value) return false;
  out.top_k = static_cast<int>(value);
  return true;
}

bool set_top_p(double value, SamplingDefaults& out) {
  return value > 0 && set_float<&SamplingDefaults::top_p>(value, 0, 1, out);
}

bool set_repetition_penalty(double value, SamplingDefaults& out) {
  return value > 0 && set_float<&SamplingDefaults::repetition_penalty>(value, 0, 100, out);
}

constexpr std::array kFields = {
    SamplingField{"temp", "temperature", "0 to 100",
                  [](double value, SamplingDefaults& out) {
                    return set_float<&SamplingDefaults::temperature>(value, 0, 100, out);
                  }},
    SamplingField{"top_k", "top_k", "a whole number, 0 or more", set_top_k},
    SamplingField{"top_p", "top_p", "above 0, at most 1", set_top_p},
    SamplingField{"min_p", "min_p", "0 to 1",
                  [](double value, SamplingDefaults& out) {
                    return set_float<&SamplingDefaults::min_p>(value, 0, 1, out);
                  }},
    SamplingField{"penalty_repeat", "repetition_penalty", "above 0, at most 100", set_repetition_penalty},
};

}  // namespace

std::span<const SamplingField> sampling_fields() noexcept {
  return kFields;
}

}  // namespace minerva
