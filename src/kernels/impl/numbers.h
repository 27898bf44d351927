// Small number formats of weight files, one at a time: exact, for dequantisation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/weight_matrix.h"

namespace minerva::kernels::MINERVA_ISA {

MINERVA_INLINE float bits_to_float(std::uint32_t word) {
  float result;
  __builtin_memcpy(&result, &word, sizeof(result));
  return result;
}
MINERVA_INLINE std::uint32_t float_bits(float x) {
  std::uint32_t word;
  __builtin_memcpy(&word, &x, sizeof(word));
  return word;
}

MINERVA_INLINE float half_to_float(std::uint16_t half) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7FFFU) << 13;
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const float scaled = bits_to_float(magnitude) * 0x1p112F;
  const std::uint32_t special = scaled >= 0x1p16F ? 0x7F800000U : 0U;
  return bits_to_float(float_bits(scaled) | special | sign);
}
MINERVA_INLINE float half_at(const std::byte* p) {
  return half_to_float(load_as<std::uint16_t>(p));
}
MINERVA_INLINE float bf16_at(const std::byte* p) {
  return bits_to_float(static_cast<std::uint32_t>(load_as<std::uint16_t>(p)) << 16);
}
MINERVA_INLINE float scalar_at(const std::byte* p, std::int64_t i, ScalarType type) {
  if (type == ScalarType::F32) return load_as<float>(p + 4 * i);
  return type == ScalarType::F16 ? half_at(p + 2 * i) : bf16_at(p + 2 * i);
}

/// FP8 E4M3 (the variant without infinities; 0x7F and 0xFF are NaN). A table: as arithmetic, subnormals are
/// slow.
struct E4m3Floats {
  float value[256];
};
constexpr E4m3Floats make_e4m3_floats() {
  E4m3Floats table{};
  for (int i = 0; i < 256; ++i) {
    const int exponent = (i >> 3) & 15;
    float size = static_cast<float>(exponent == 0 ? i & 7 : (i & 7) + 8) * 0x1p-9F;
    for (int e = 1; e < exponent; ++e) size *= 2.0F;
    if ((i & 0x7F) == 0x7F) size = __builtin_nanf("");
    table.value[i] = (i & 0x80) != 0 ? -size : size;
  }
  return table;
}
constexpr E4m3Floats kE4m3Floats = make_e4m3_floats();
MINERVA_INLINE float e4m3_to_float(std::uint8_t byte) {
  return kE4m3Floats.value[byte];
}
/// E8M0: 2^(byte - 127); 255 is NaN.
MINERVA_INLINE float e8m0_to_float(std::uint8_t byte) {
  if (byte == 255) return bits_to_float(0x7FC00000U);
  return byte == 0 ? 0x1p-127F : bits_to_float(static_cast<std::uint32_t>(byte) << 23);
}
/// Twice an E2M1 nibble: {0, .5, 1, 1.5, 2, 3, 4, 6} with sign.
constexpr std::int8_t kTwiceE2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

MINERVA_INLINE std::uint8_t byte_at(const std::byte* p, std::int64_t i) {
  return static_cast<std::uint8_t>(p[i]);
}

}  // namespace minerva::kernels::MINERVA_ISA
