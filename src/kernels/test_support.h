// For the kernels' tests: random weights of every type, random rows, the error measure.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/impl/table.h"
#include "kernels/kernels.h"

namespace minerva::kernels {

using Random = std::mt19937;

/// A weight type with what else decides its layout.
struct WeightKind {
  WeightType type = WeightType::F32;
  int bits = 0;
  int group = 0;
  ScalarType scale_type = ScalarType::F32;
  std::int64_t block = 128;  ///< Fp8: rows and columns
};

inline std::string kind_name(const WeightKind& kind) {
  std::string name(weight_type_name(kind.type));
  for (char& c : name) c = c == ' ' ? '_' : c;
  if (kind.type == WeightType::MlxAffine)
    name += "_b" + std::to_string(kind.bits) + "_g" + std::to_string(kind.group) + "_s" +
            std::to_string(static_cast<int>(kind.scale_type));
  if (kind.type == WeightType::Fp8) name += "_" + std::to_string(kind.block);
  return name;
}

inline std::vector<WeightKind> all_weight_kinds() {
  using enum WeightType;
  std::vector<WeightKind> kinds;
  for (const WeightType type :
       {F32, F16, BF16, Mxfp4, Mxfp8, Nvfp4, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K})
    kinds.push_back({.type = type});
  for (const int bits : {2, 3, 4, 5, 6, 8})
    kinds.push_back({.type = MlxAffine, .bits = bits, .group = 64, .scale_type = ScalarType::BF16});
  kinds.push_back({.type = MlxAffine, .bits = 4, .group = 32, .scale_type = ScalarType::F16});
  kinds.push_back({.type = MlxAffine, .bits = 8, .group = 128, .scale_type = ScalarType::F32});
  kinds.push_back({.type = Fp8, .scale_type = ScalarType::F32, .block = 128});
  kinds.push_back({.type = Fp8, .scale_type = ScalarType::BF16, .block = 48});  // cuts bf16 steps
  kinds.push_back({.type = Fp8, .scale_type = ScalarType::F32, .block = 1 << 20});
  return kinds;
}

/// A matrix in memory of its own, everything at odd addresses, nothing readable after the last byte under
/// sanitizers.
struct TestWeight {
  std::vector<std::byte> data;
  std::vector<std::byte> scales;
  std::vector<std::byte> biases;
  WeightMatrix view;
};

inline std::vector<std::byte> random_bytes(Random& random, std::int64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) + 1);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

inline std::uint16_t half_bits(float x) {
  std::uint16_t bits[kLanesMax] = {};
  float padded[kLanesMax] = {x};
  portable_table()->convert(padded, 1, ScalarType::F16, bits);
  return bits[0];
}
inline std::uint16_t bf16_bits(float x) {
  std::uint32_t word = 0;
  std::memcpy(&word, &x, 4);
  return static_cast<std::uint16_t>((word + 0x7FFFU + ((word >> 16) & 1U)) >> 16);
}
inline float bf16_value(std::uint16_t bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
  float x = 0;
  std::memcpy(&x, &word, 4);
  return x;
}

inline void put_scalar(std::byte* at, ScalarType type, float x) {
  const std::uint16_t bits = type == ScalarType::F16 ? half_bits(x) : bf16_bits(x);
  if (type == ScalarType::F32) {
    std::memcpy(at, &x, 4);
  } else {
    std::memcpy(at, &bits, 2);
  }
}

/// Byte offsets of the F16 numbers in a ggml block.
inline std::vector<int> half_offsets(WeightType type) {
  switch (type) {
    case WeightType::Q4_0:
    case WeightType::Q5_0:
    case WeightType::Q8_0:
      return {0};
    case WeightType::Q4_1:
    case WeightType::Q5_1:
    case WeightType::Q4_K:
    case WeightType::Q5_K:
      return {0, 2};
    case WeightType::Q2_K:
      return {80, 82};
    case WeightType::Q3_K:
      return {108};
    case WeightType::Q6_K:
      return {208};
    default:
      return {};
  }
}

inline void fill_plain(std::byte* at, std::int64_t count, ScalarType type, Random& random) {
  std::normal_distribution<float> normal(0.0F, 0.05F);
  for (std::int64_t i = 0; i < count; ++i) put_scalar(at + i * scalar_bytes(type), type, normal(random));
}

inline void fill_data(TestWeight& w, Random& random) {
  std::byte* data = w.data.data() + 1;
  const std::int64_t count = w.view.rows * w.view.cols;
  std::uniform_real_distribution<float> scale(-0.02F, 0.02F);
  switch (w.view.type) {
    case WeightType::F32:
      fill_plain(data, count, ScalarType::F32, random);
      return;
    case WeightType::F16:
      fill_plain(data, count, ScalarType::F16, random);
      return;
    case WeightType::BF16:
      fill_plain(data, count, ScalarType::BF16, random);
      return;
    case WeightType::Fp8:
    case WeightType::Mxfp8:
      for (std::int64_t i = 0; i < count; ++i) {  // no NaN
        if ((data[i] & std::byte{0x7F}) == std::byte{0x7F}) data[i] = std::byte{0x42};
      }
      return;
    default:
      break;
  }
  WeightMatrix block = w.view;
  block.cols = weight_block(w.view);
  for (const int offset : half_offsets(w.view.type)) {
    for (std::int64_t at = 0; at < w.view.rows * w.view.row_stride; at += weight_row_bytes(block))
      put_scalar(data + at + offset, ScalarType::F16, scale(random));
  }
}

inline void add_scales(TestWeight& w, const WeightKind& kind, Random& random) {
  WeightMatrix& v = w.view;
  std::uniform_real_distribution<float> scale(-0.02F, 0.02F);
  std::uniform_int_distribution<int> exponent(118, 124);
  const bool plain = v.type == WeightType::Fp8 || v.type == WeightType::MlxAffine;
  if (!plain && v.type != WeightType::Mxfp4 && v.type != WeightType::Mxfp8 && v.type != WeightType::Nvfp4)
    return;
  v.scale_type = kind.scale_type;
  const std::int64_t per_scale = v.type == WeightType::Fp8 ? kind.block : weight_block(v);
  const std::int64_t columns = (v.cols + per_scale - 1) / per_scale;
  const std::int64_t rows = v.type == WeightType::Fp8 ? (v.rows + kind.block - 1) / kind.block : v.rows;
  v.block_rows = v.block_cols = kind.block;
  v.scale_stride = columns * (plain ? scalar_bytes(kind.scale_type) : 1);
  w.scales = random_bytes(random, rows * v.scale_stride);
  w.biases = random_bytes(random, rows * v.scale_stride);
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    if (plain) {
      const std::int64_t at = 1 + i * scalar_bytes(kind.scale_type);
      put_scalar(w.scales.data() + at, kind.scale_type, scale(random));
      put_scalar(w.biases.data() + at, kind.scale_type, scale(random));
    } else {
      w.scales[static_cast<std::size_t>(1 + i)] =
          static_cast<std::byte>(v.type == WeightType::Nvfp4 ? exponent(random) - 100 : exponent(random));
    }
  }
  v.scales = w.scales.data() + 1;
  v.biases = w.biases.data() + 1;
  v.global_scale = 0.25F;
}

inline TestWeight make_weight(const WeightKind& kind, std::int64_t rows, std::int64_t cols, unsigned seed) {
  Random random(seed);
  TestWeight w;
  w.view.type = kind.type;
  w.view.rows = rows;
  w.view.cols = cols;
  w.view.bits = kind.bits;
  w.view.group = kind.group;
  w.view.row_stride = weight_row_bytes(w.view);
  w.data = random_bytes(random, rows * w.view.row_stride);
  w.view.data = w.data.data() + 1;
  fill_data(w, random);
  add_scales(w, kind, random);
  EXPECT_TRUE(check_weight(w.view, kind_name(kind)));
  return w;
}

inline std::vector<float> random_floats(std::int64_t count, unsigned seed, float size = 1.0F) {
  Random random(seed);
  std::normal_distribution<float> normal(0.0F, size);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = normal(random);
  return values;
}

/// Squared error over squared reference.
template <class A, class B>
double nmse(const A& values, const B& reference) {
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - static_cast<double>(reference[i]);
    error += difference * difference;
    size += static_cast<double>(reference[i]) * static_cast<double>(reference[i]);
  }
  return size == 0 ? error : error / size;
}

class IsaTest : public testing::TestWithParam<Isa> {};
inline std::string isa_test_name(const testing::TestParamInfo<Isa>& info) {
  return std::string(isa_name(info.param));
}

}  // namespace minerva::kernels

#define MINERVA_FOR_EACH_ISA(Suite)                                                                \
  class Suite : public ::minerva::kernels::IsaTest {};                                             \
  INSTANTIATE_TEST_SUITE_P(Isas, Suite, ::testing::ValuesIn(::minerva::kernels::available_isas()), \
                           ::minerva::kernels::isa_test_name)
