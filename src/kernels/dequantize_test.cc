// Formats that ggml does not know, against their definitions.
#include <algorithm>
#include <array>

#include "kernels/test_support.h"

namespace minerva::kernels {
namespace {

std::vector<float> row_of(const WeightMatrix& w, std::int64_t row) {
  std::vector<float> out(static_cast<std::size_t>(w.cols));
  portable_table()->dequantize_row(w, row, out.data());
  return out;
}

/// Element i stands in bits [i * b, (i + 1) * b) of its row, lowest first.
TEST(Dequantize, MlxRowsAreOneStreamOfBits) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group : {32, 64, 128}) {
      const TestWeight w = make_weight(
          {.type = WeightType::MlxAffine, .bits = bits, .group = group, .scale_type = ScalarType::F32}, 3,
          256, 1);
      for (std::int64_t n = 0; n < 3; ++n) {
        const auto row = row_of(w.view, n);
        for (int i = 0; i < 256; ++i) {
          int q = 0;
          for (int b = 0; b < bits; ++b) {
            const int at = i * bits + b;
            const auto byte = static_cast<int>(w.view.data[n * w.view.row_stride + at / 8]);
            q |= ((byte >> (at % 8)) & 1) << b;
          }
          float scale = 0;
          float bias = 0;
          std::memcpy(&scale, w.view.scales + n * w.view.scale_stride + i / group * 4, 4);
          std::memcpy(&bias, w.view.biases + n * w.view.scale_stride + i / group * 4, 4);
          EXPECT_EQ(row[static_cast<std::size_t>(i)], scale * static_cast<float>(q) + bias)
              << bits << " bits, element " << i;
        }
      }
    }
  }
}

/// E4M3 from its definition: sign, four bits of exponent with bias 7, three of fraction.
double e4m3(int byte) {
  const int exponent = (byte >> 3) & 15;
  const int fraction = byte & 7;
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return (byte & 0x80) != 0 ? -size : size;
}

TEST(Dequantize, Fp8HasEveryValueAndBlockScales) {
  std::array<std::byte, 256> bytes{};
  for (std::size_t i = 0; i < 256; ++i) bytes[i] = static_cast<std::byte>(i);
  const std::array<float, 4> scales = {1.0F, 2.0F, 0.5F, -1.0F};
  WeightMatrix w = dense_weight(WeightType::Fp8, 2, 128, bytes.data());
  w.scales = static_cast<const std::byte*>(static_cast<const void*>(scales.data()));
  w.scale_stride = 8;
  w.block_rows = 1;
  w.block_cols = 64;
  for (int i = 0; i < 256; ++i) {
    const float value = row_of(w, i / 128)[static_cast<std::size_t>(i % 128)];
    if ((i & 0x7F) == 0x7F) {
      EXPECT_TRUE(std::isnan(value));
    } else {
      EXPECT_EQ(static_cast<double>(value),
                e4m3(i) * static_cast<double>(scales[static_cast<std::size_t>(i / 64)]))
          << i;
    }
  }
}

TEST(Dequantize, MicroscalingFormatsFollowTheirTables) {
  constexpr std::array kE2m1 = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                                -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};
  const TestWeight four = make_weight({.type = WeightType::Mxfp4}, 2, 64, 2);
  const TestWeight eight = make_weight({.type = WeightType::Mxfp8}, 2, 64, 3);
  const TestWeight nvidia = make_weight({.type = WeightType::Nvfp4}, 2, 64, 4);
  for (std::int64_t n = 0; n < 2; ++n) {
    for (int i = 0; i < 64; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto nibble = [&](const WeightMatrix& w) {
        return kE2m1[(static_cast<std::size_t>(w.data[n * w.row_stride + i / 2]) >> (i % 2 * 4)) & 15U];
      };
      const auto scale = [&](const WeightMatrix& w, int group) {
        return static_cast<int>(w.scales[n * w.scale_stride + i / group]);
      };
      EXPECT_EQ(row_of(four.view, n)[at], std::ldexp(nibble(four.view), scale(four.view, 32) - 127));
      EXPECT_EQ(static_cast<double>(row_of(eight.view, n)[at]),
                std::ldexp(e4m3(static_cast<int>(eight.view.data[n * 64 + i])), scale(eight.view, 32) - 127));
      EXPECT_EQ(static_cast<double>(row_of(nvidia.view, n)[at]),
                static_cast<double>(nibble(nvidia.view)) * e4m3(scale(nvidia.view, 16)) * 0.25);
    }
  }
}

}  // namespace
}  // namespace minerva::kernels
