#include "native/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace minerva::native {
namespace {

std::vector<float> plain_frequencies(float theta, int dims, int divisor) {
  std::vector<float> frequencies(static_cast<std::size_t>(dims) / 2);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(divisor);
    frequencies[i] = 1.0F / std::pow(theta, exponent);
  }
  return frequencies;
}

// "NTK-aware" scaling: the base grows with the length.
float dynamic_theta(const RotarySpec& spec, std::uint32_t planned_length) {
  const auto length = static_cast<float>(std::max(planned_length, spec.max_positions));
  const float scale = spec.factor * length / static_cast<float>(spec.max_positions) - (spec.factor - 1);
  return spec.theta * std::pow(scale, static_cast<float>(spec.dims / (spec.dims - 2.0)));
}

void apply_llama3(const RotarySpec& spec, std::vector<float>& frequencies) {
  const auto old_length = static_cast<float>(spec.original_positions);
  const float low_wavelength = old_length / spec.low_freq_factor;
  const float high_wavelength = old_length / spec.high_freq_factor;
  for (float& frequency : frequencies) {
    const float wavelength = 2 * std::numbers::pi_v<float> / frequency;
    if (wavelength < high_wavelength) continue;
    if (wavelength > low_wavelength) {
      frequency /= spec.factor;
      continue;
    }
    const float smooth =
        (old_length / wavelength - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor);
    frequency = (1 - smooth) * frequency / spec.factor + smooth * frequency;
  }
}

// The dimension whose wavelength turns `rotations` times within the original length.
double correction_dimension(const RotarySpec& spec, double rotations) {
  return spec.dims * std::log(spec.original_positions / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(spec.theta)));
}

void apply_yarn(const RotarySpec& spec, std::vector<float>& frequencies) {
  double low = correction_dimension(spec, spec.beta_fast);
  double high = correction_dimension(spec, spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, spec.dims - 1.0);
  if (low == high) high += 0.001;  // as transformers: no division by zero
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const auto extrapolate = static_cast<float>(1 - ramp);
    frequencies[i] = frequencies[i] / spec.factor * (1 - extrapolate) + frequencies[i] * extrapolate;
  }
}

void apply_factors(const std::vector<float>& factors, std::vector<float>& frequencies) {
  for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= factors[i];
}

// A rounding of one frequency is turned into an angle by the position: divided in transformers' order.
std::vector<float> longrope_frequencies(const RotarySpec& spec, const std::vector<float>& factors) {
  std::vector<float> frequencies(static_cast<std::size_t>(spec.dims) / 2);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(spec.dims);
    frequencies[i] = 1.0F / (factors[i] * std::pow(spec.theta, exponent));
  }
  return frequencies;
}

std::vector<float> unfactored_frequencies(const RotarySpec& spec, std::uint32_t planned_length) {
  switch (spec.kind) {
    case RotaryKind::None:
      return {};
    case RotaryKind::Default:
      return plain_frequencies(spec.theta, spec.dims, spec.dims);
    case RotaryKind::Dynamic:
      return plain_frequencies(dynamic_theta(spec, planned_length), spec.dims, spec.dims);
    case RotaryKind::LongRope:
      return longrope_frequencies(
          spec, rotary_key(spec, planned_length) == 1 ? spec.long_factors : spec.short_factors);
    case RotaryKind::Proportional: {
      // All of the head is paired, but only its first frequencies turn.
      auto frequencies = plain_frequencies(spec.theta, spec.dims, spec.head_dim);
      for (float& frequency : frequencies) frequency /= spec.factor;
      frequencies.resize(static_cast<std::size_t>(spec.head_dim) / 2, 0.0F);
      return frequencies;
    }
    default:
      break;
  }
  auto frequencies = plain_frequencies(spec.theta, spec.dims, spec.dims);
  if (spec.kind == RotaryKind::Linear) {
    for (float& frequency : frequencies) frequency /= spec.factor;
  } else if (spec.kind == RotaryKind::Llama3) {
    apply_llama3(spec, frequencies);
  } else if (spec.kind == RotaryKind::Yarn) {
    apply_yarn(spec, frequencies);
  }
  return frequencies;
}

}  // namespace

std::uint32_t rotary_key(const RotarySpec& spec, std::uint32_t planned_length) noexcept {
  switch (spec.kind) {
    case RotaryKind::LongRope:
      return planned_length > spec.original_positions ? 1 : 0;
    case RotaryKind::Dynamic:
      return std::max(planned_length, spec.max_positions);
    default:
      return 0;
  }
}

std::vector<float> rotary_frequencies(const RotarySpec& spec, std::uint32_t planned_length) {
  auto frequencies = unfactored_frequencies(spec, planned_length);
  if (!spec.factors.empty()) apply_factors(spec.factors, frequencies);
  return frequencies;
}

void rotary_table(const RotarySpec& spec, const std::vector<float>& frequencies, std::int32_t position,
                  float* cosines, float* sines) noexcept {
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float angle = static_cast<float>(position) * frequencies[i];
    cosines[i] = std::cos(angle) * spec.attention_factor;
    sines[i] = std::sin(angle) * spec.attention_factor;
  }
}

}  // namespace minerva::native
