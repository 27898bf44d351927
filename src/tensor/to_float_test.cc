#include "tensor/to_float.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace minerva {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float from_byte(DType type, std::uint8_t byte) {
  std::array<float, 1> out{};
  EXPECT_TRUE(to_float(type, reinterpret_cast<const std::byte*>(&byte), out));
  return out[0];
}

TEST(ToFloat, EveryHalf) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    // By definition (IEEE 754): (-1)^s 2^(e-15) (1 + m/1024), subnormals 2^-14 m/1024.
    const int exponent = static_cast<int>((bits >> 10) & 31);
    const double fraction = (bits & 1023) / 1024.0;
    double expected = exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
    if (exponent == 31) expected = fraction == 0 ? kInfinity : std::nan("");
    if ((bits & 0x8000) != 0) expected = -expected;
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    }
  }
}

TEST(ToFloat, BFloat16IsTheUpperHalfOfFloat) {
  EXPECT_EQ(bfloat16_to_float(0x3F80), 1.0F);
  EXPECT_EQ(bfloat16_to_float(0xC040), -3.0F);
  EXPECT_EQ(bfloat16_to_float(0x7F80), kInfinity);
  EXPECT_EQ(bfloat16_to_float(0x0001), std::bit_cast<float>(0x00010000U));
}

TEST(ToFloat, EightBitFloats) {
  struct Case {
    DType type;
    std::uint8_t byte;
    float expected;
  };
  // Values from the OCP 8-bit floating point specification and the fnuz paper (arXiv:2206.02915).
  for (const Case& c :
       {Case{DType::F8_E4M3, 0x00, 0}, Case{DType::F8_E4M3, 0x38, 1}, Case{DType::F8_E4M3, 0xB8, -1},
        Case{DType::F8_E4M3, 0x7E, 448}, Case{DType::F8_E4M3, 0x01, 0x1p-9F},
        Case{DType::F8_E4M3, 0x08, 0x1p-6F}, Case{DType::F8_E5M2, 0x3C, 1}, Case{DType::F8_E5M2, 0x7B, 57344},
        Case{DType::F8_E5M2, 0x01, 0x1p-16F}, Case{DType::F8_E5M2, 0x7C, kInfinity},
        Case{DType::F8_E5M2, 0xFC, -kInfinity}, Case{DType::F8_E8M0, 127, 1},
        Case{DType::F8_E8M0, 0, 0x1p-127F}, Case{DType::F8_E8M0, 254, 0x1p127F},
        Case{DType::F8_E4M3Fnuz, 0x40, 1}, Case{DType::F8_E4M3Fnuz, 0x7F, 240},
        Case{DType::F8_E5M2Fnuz, 0x40, 1}, Case{DType::F8_E5M2Fnuz, 0x7F, 57344}}) {
    EXPECT_EQ(from_byte(c.type, c.byte), c.expected) << dtype_name(c.type) << " " << int{c.byte};
  }
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E4M3, 0x7F)));
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E4M3, 0xFF)));
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E5M2, 0x7D)));
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E8M0, 0xFF)));
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E4M3Fnuz, 0x80)));
  EXPECT_TRUE(std::isnan(from_byte(DType::F8_E5M2Fnuz, 0x80)));
}

template <class T>
std::vector<float> converted(DType type, const std::vector<T>& values) {
  // One byte further on: no alignment may be needed.
  std::vector<std::byte> bytes(values.size() * sizeof(T) + 1);
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(T));
  std::vector<float> out(values.size());
  EXPECT_TRUE(to_float(type, bytes.data() + 1, out));
  return out;
}

TEST(ToFloat, IntegersAndWideFloats) {
  EXPECT_EQ(converted<std::uint8_t>(DType::Bool, {0, 1}), (std::vector<float>{0, 1}));
  EXPECT_EQ(converted<std::int8_t>(DType::I8, {-128, 127}), (std::vector<float>{-128, 127}));
  EXPECT_EQ(converted<std::int16_t>(DType::I16, {-5}), (std::vector<float>{-5}));
  EXPECT_EQ(converted<std::uint16_t>(DType::U16, {65535}), (std::vector<float>{65535}));
  EXPECT_EQ(converted<std::int32_t>(DType::I32, {-7}), (std::vector<float>{-7}));
  EXPECT_EQ(converted<std::uint32_t>(DType::U32, {0x80000000}), (std::vector<float>{0x1p31F}));
  EXPECT_EQ(converted<std::int64_t>(DType::I64, {-9}), (std::vector<float>{-9}));
  EXPECT_EQ(converted<std::uint64_t>(DType::U64, {1ULL << 63}), (std::vector<float>{0x1p63F}));
  EXPECT_EQ(converted<double>(DType::F64, {0.5, 0.1}), (std::vector<float>{0.5F, 0.1F}));
  EXPECT_EQ(converted<float>(DType::F32, {1.25F}), (std::vector<float>{1.25F}));
}

TEST(ToFloat, RefusesWhatIsNoPlainNumber) {
  std::array<std::byte, 8> bytes{};
  std::array<float, 1> out = {7};
  for (const DType type : {DType::C64, DType::F4, DType::F6_E2M3, DType::F6_E3M2, DType::Ggml}) {
    EXPECT_FALSE(to_float(type, bytes.data(), out));
    EXPECT_EQ(out[0], 7);
  }
}

}  // namespace
}  // namespace minerva
