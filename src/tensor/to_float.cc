#include "tensor/to_float.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace minerva {
namespace {

/// A float of 1 sign bit, `exponent_bits` and the rest mantissa in a byte, as `bias` and IEEE's subnormals
/// say. What its special values are is the caller's to know.
float small_float(std::uint8_t bits, int exponent_bits, int bias) noexcept {
  const int mantissa_bits = 7 - exponent_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits)
                                        : std::ldexp(static_cast<float>(mantissa | (1 << mantissa_bits)),
                                                     exponent - bias - mantissa_bits);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float from_e4m3(std::uint8_t bits) noexcept {
  return (bits & 0x7F) == 0x7F ? kNaN : small_float(bits, 4, 7);
}
// The upper half of an IEEE half.
float from_e5m2(std::uint8_t bits) noexcept {
  return half_to_float(static_cast<std::uint16_t>(bits << 8));
}
float from_e8m0(std::uint8_t bits) noexcept {
  return bits == 0xFF ? kNaN : std::ldexp(1.0F, bits - 127);
}
// "fnuz": finite, and the pattern of negative zero is NaN.
float from_e4m3fnuz(std::uint8_t bits) noexcept {
  return bits == 0x80 ? kNaN : small_float(bits, 4, 8);
}
float from_e5m2fnuz(std::uint8_t bits) noexcept {
  return bits == 0x80 ? kNaN : small_float(bits, 5, 16);
}

template <class Stored, class Convert>
bool convert(const std::byte* data, std::span<float> out, Convert one) noexcept {
  for (float& value : out) {
    Stored stored;
    std::memcpy(&stored, data, sizeof(Stored));
    value = one(stored);
    data += sizeof(Stored);
  }
  return true;
}

template <class Stored>
bool cast(const std::byte* data, std::span<float> out) noexcept {
  return convert<Stored>(data, out, [](Stored stored) { return static_cast<float>(stored); });
}

}  // namespace

float half_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 127 - 15;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

float bfloat16_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);  // NaN
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);
  std::uint32_t half = 0;
  if (magnitude < 0x38800000U) {  // a subnormal half, or zero: adding 0.5 rounds at its last bit
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    half = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U;
  } else {
    const std::uint32_t odd = (magnitude >> 13) & 1U;
    half = (magnitude - 0x38000000U + 0xfffU + odd) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

std::uint16_t float_to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

bool to_float(DType type, const std::byte* data, std::span<float> out) noexcept {
  switch (type) {
    case DType::Bool:
    case DType::U8:
      return cast<std::uint8_t>(data, out);
    case DType::I8:
      return cast<std::int8_t>(data, out);
    case DType::U16:
      return cast<std::uint16_t>(data, out);
    case DType::I16:
      return cast<std::int16_t>(data, out);
    case DType::U32:
      return cast<std::uint32_t>(data, out);
    case DType::I32:
      return cast<std::int32_t>(data, out);
    case DType::U64:
      return cast<std::uint64_t>(data, out);
    case DType::I64:
      return cast<std::int64_t>(data, out);
    case DType::F16:
      return convert<std::uint16_t>(data, out, half_to_float);
    case DType::BF16:
      return convert<std::uint16_t>(data, out, bfloat16_to_float);
    case DType::F32:
      return cast<float>(data, out);
    case DType::F64:
      return cast<double>(data, out);
    case DType::F8_E4M3:
      return convert<std::uint8_t>(data, out, from_e4m3);
    case DType::F8_E5M2:
      return convert<std::uint8_t>(data, out, from_e5m2);
    case DType::F8_E8M0:
      return convert<std::uint8_t>(data, out, from_e8m0);
    case DType::F8_E4M3Fnuz:
      return convert<std::uint8_t>(data, out, from_e4m3fnuz);
    case DType::F8_E5M2Fnuz:
      return convert<std::uint8_t>(data, out, from_e5m2fnuz);
    case DType::C64:
    case DType::F4:
    case DType::F6_E2M3:
    case DType::F6_E3M2:
    case DType::Ggml:
      break;
  }
  return false;
}

}  // namespace minerva
