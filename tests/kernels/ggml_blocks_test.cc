// Our reading of GGUF's blocks against ggml's own, bit for bit.
#include <ggml.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace minerva::kernels {
namespace {

constexpr std::int64_t kRows = 7;
constexpr std::int64_t kCols = 512;

class GgmlBlocks : public testing::TestWithParam<GgmlType> {};
INSTANTIATE_TEST_SUITE_P(Types, GgmlBlocks,
                         testing::Values(GgmlType::F32, GgmlType::F16, GgmlType::BF16, GgmlType::Q4_0,
                                         GgmlType::Q4_1, GgmlType::Q5_0, GgmlType::Q5_1, GgmlType::Q8_0,
                                         GgmlType::Q2_K, GgmlType::Q3_K, GgmlType::Q4_K, GgmlType::Q5_K,
                                         GgmlType::Q6_K),
                         [](const auto& type) { return std::string(ggml_type_traits(type.param).name); });

/// Random rows, quantised by ggml.
std::vector<std::byte> quantised(ggml_type type, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> x(static_cast<std::size_t>(kRows * kCols));
  for (auto& value : x) value = normal(random);
  std::vector<std::byte> out(ggml_row_size(type, kCols) * static_cast<std::size_t>(kRows));
  if (type == GGML_TYPE_F32) {
    std::memcpy(out.data(), x.data(), out.size());
  } else {
    ggml_quantize_chunk(type, x.data(), out.data(), 0, kRows, kCols, nullptr);
  }
  return out;
}

/// Any bytes at all: every scale, sign and special number occurs.
std::vector<std::byte> arbitrary(ggml_type type, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> out(ggml_row_size(type, kCols) * static_cast<std::size_t>(kRows));
  for (auto& byte : out) byte = static_cast<std::byte>(random());
  return out;
}

/// Whether both are the same number, or both are none.
bool same(float a, float b) {
  return std::memcmp(&a, &b, 4) == 0 || (std::isnan(a) && std::isnan(b));
}

TEST_P(GgmlBlocks, AreReadAsGgmlReadsThem) {
  const auto type = static_cast<ggml_type>(GetParam());
  const auto ours = weight_type_of(GetParam());
  ASSERT_TRUE(ours);
  std::vector<float> expected(static_cast<std::size_t>(kCols));
  std::vector<float> row(expected.size());
  ThreadPool pool(1);
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto data = seed % 2 == 0 ? quantised(type, seed) : arbitrary(type, seed);
    const WeightMatrix w = dense_weight(*ours, kRows, kCols, data.data());
    ASSERT_EQ(w.row_stride, static_cast<std::int64_t>(ggml_row_size(type, kCols)));
    for (std::int64_t n = 0; n < kRows; ++n) {
      const void* bytes = data.data() + n * w.row_stride;
      if (type == GGML_TYPE_F32) {
        std::memcpy(expected.data(), bytes, expected.size() * 4);
      } else {
        ggml_get_type_traits(type)->to_float(bytes, expected.data(), kCols);
      }
      for (const Isa isa : available_isas()) {
        Kernels(isa, pool).dequantize_row(w, n, row.data());
        for (std::size_t i = 0; i < row.size(); ++i)
          ASSERT_TRUE(same(row[i], expected[i]))
              << isa_name(isa) << ", element " << i << ": " << row[i] << " instead of " << expected[i];
      }
    }
  }
}

}  // namespace
}  // namespace minerva::kernels
