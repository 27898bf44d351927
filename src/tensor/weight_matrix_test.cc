#include "tensor/weight_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>

namespace minerva {
namespace {

const std::array<std::byte, 1> kSomewhere{};

WeightMatrix mlx(int group, int bits) {
  WeightMatrix w;
  w.type = WeightType::MlxAffine;
  w.rows = 8;
  w.cols = 256;
  w.group = group;
  w.bits = bits;
  w.data = w.scales = w.biases = kSomewhere.data();
  w.scale_type = ScalarType::BF16;
  w.row_stride = weight_row_bytes(w);
  w.scale_stride = 256 / group * 2;
  return w;
}

WeightMatrix fp8() {
  WeightMatrix w = dense_weight(WeightType::Fp8, 8, 200, kSomewhere.data());
  w.scales = kSomewhere.data();
  w.block_rows = w.block_cols = 128;
  w.scale_stride = 8;
  return w;
}

TEST(WeightMatrix, RowBytesAgreeWithGgml) {
  for (const auto& traits : ggml_types()) {
    const auto type = weight_type_of(traits.type);
    if (!type) continue;
    const WeightMatrix w = dense_weight(*type, 1, 512, kSomewhere.data());
    EXPECT_EQ(weight_row_bytes(w), static_cast<std::int64_t>(*ggml_bytes(traits, 512))) << traits.name;
    EXPECT_EQ(weight_type_name(*type), traits.name);
    EXPECT_EQ(weight_block(w), static_cast<int>(traits.block_elements));
  }
  EXPECT_FALSE(weight_type_of(GgmlType::IQ2_XS));
}

TEST(WeightMatrix, AcceptsWhatKernelsCanRead) {
  for (const int group : {32, 64, 128}) {
    for (const int bits : {2, 3, 4, 5, 6, 8}) EXPECT_TRUE(check_weight(mlx(group, bits), "w"));
  }
  EXPECT_TRUE(check_weight(dense_weight(WeightType::BF16, 3, 7, kSomewhere.data()), "w"));
  EXPECT_TRUE(check_weight(dense_weight(WeightType::Q4_K, 3, 512, kSomewhere.data()), "w"));
  EXPECT_TRUE(check_weight(fp8(), "w"));
}

struct Refusal {
  std::string_view what;
  WeightMatrix weight;
  std::function<void(WeightMatrix&)> spoil;
  std::string message;
};

TEST(WeightMatrix, RefusesWhatDoesNotFitTogether) {
  const WeightMatrix q4k = dense_weight(WeightType::Q4_K, 3, 512, kSomewhere.data());
  const std::array refusals = {
      Refusal{"no rows", q4k, [](WeightMatrix& w) { w.rows = 0; }, "a weight matrix of 0 x 512"},
      Refusal{"huge", q4k, [](WeightMatrix& w) { w.cols = std::int64_t{1} << 40; }, "expected 1 to 2^31"},
      Refusal{"part of a block", q4k, [](WeightMatrix& w) { w.cols = 300; }, "expected a multiple of 256"},
      Refusal{"no data", q4k, [](WeightMatrix& w) { w.data = nullptr; }, "rows lie"},
      Refusal{"rows overlap", q4k, [](WeightMatrix& w) { w.row_stride = 287; }, "expected at least 288"},
      Refusal{"group", mlx(64, 4), [](WeightMatrix& w) { w.group = 48; }, "group size 48"},
      Refusal{"bits", mlx(64, 4), [](WeightMatrix& w) { w.bits = 7; }, "7 bits"},
      Refusal{"biases", mlx(64, 4), [](WeightMatrix& w) { w.biases = nullptr; }, "biases are missing"},
      Refusal{"scales", mlx(64, 4), [](WeightMatrix& w) { w.scales = nullptr; }, "scales are missing"},
      Refusal{"stride", mlx(64, 4), [](WeightMatrix& w) { w.scale_stride = 6; }, "expected at least 8"},
      Refusal{"fp8 blocks", fp8(), [](WeightMatrix& w) { w.block_cols = 0; }, "FP8 blocks of 128 x 0"},
      Refusal{"fp8 stride", fp8(), [](WeightMatrix& w) { w.scale_stride = 7; }, "expected at least 8"},
  };
  for (const auto& refusal : refusals) {
    WeightMatrix w = refusal.weight;
    ASSERT_TRUE(check_weight(w, "w")) << refusal.what;
    refusal.spoil(w);
    const auto result = check_weight(w, "layer.q");
    ASSERT_FALSE(result) << refusal.what;
    EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(result.error().message, testing::HasSubstr(refusal.message));
    EXPECT_THAT(result.error().message, testing::HasSubstr("layer.q"));
    EXPECT_FALSE(result.error().remedy.empty());
  }
}

}  // namespace
}  // namespace minerva
