#include <algorithm>
#include <array>
#include <limits>

#include "kernels/test_support.h"
#include "support/sanitizers.h"

namespace minerva::kernels {
namespace {

MINERVA_FOR_EACH_ISA(Linear);

constexpr std::array kModes = {NumericMode::Exact, NumericMode::Fast};

std::vector<float> multiply(Kernels& kernels, const WeightMatrix& w, const std::vector<float>& x,
                            NumericMode mode) {
  const auto rows = static_cast<std::int64_t>(x.size()) / w.cols;
  std::vector<float> y(static_cast<std::size_t>(rows * w.rows), -7.0F);
  kernels.linear(w, ConstRows(x.data(), rows, w.cols), Rows(y.data(), rows, w.rows), mode);
  return y;
}

/// x as blocks of 32 int8 see it, written independently of the kernels.
std::vector<double> through_int8(const std::vector<float>& x) {
  std::vector<double> result;
  for (std::size_t i = 0; i < x.size(); i += 32) {
    float largest = 0;
    for (std::size_t j = 0; j < 32; ++j) largest = std::max(largest, std::abs(x[i + j]));
    for (std::size_t j = 0; j < 32; ++j) {
      const double d = static_cast<double>(largest / 127.0F);
      result.push_back(largest == 0 ? 0.0 : d * std::nearbyint(x[i + j] * (127.0F / largest)));
    }
  }
  return result;
}

std::vector<double> through_bf16(const std::vector<float>& x) {
  std::vector<double> result;
  for (const float value : x) result.push_back(bf16_value(bf16_bits(value)));
  return result;
}

/// What the fast mode makes of x before it multiplies; see Kernels::linear.
std::vector<double> prepared(Isa isa, const WeightMatrix& w, NumericMode mode, const std::vector<float>& x) {
  using enum WeightType;
  const bool plain = w.type == F32 || w.type == F16;
  if (mode == NumericMode::Exact || plain) return {x.begin(), x.end()};
  if (w.type == BF16 || w.type == Fp8 || w.type == Mxfp8) {
    const bool cut = w.type == Fp8 && w.block_cols % 32 != 0 && w.block_cols < w.cols;
    if (isa == Isa::Avx512 && !cut) return through_bf16(x);
    return {x.begin(), x.end()};
  }
  const int lanes = isa == Isa::Avx512 ? 16 : isa == Isa::Avx2 ? 8 : 4;
  if (w.cols % 32 == 0 && w.rows >= lanes) return through_int8(x);
  return {x.begin(), x.end()};
}

std::vector<double> reference(const WeightMatrix& w, const std::vector<double>& x) {
  const auto k = static_cast<std::size_t>(w.cols);
  const std::size_t m = x.size() / k;
  std::vector<double> y(m * static_cast<std::size_t>(w.rows));
  std::vector<float> row(k);
  for (std::int64_t n = 0; n < w.rows; ++n) {
    portable_table()->dequantize_row(w, n, row.data());
    for (std::size_t i = 0; i < m; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < k; ++j) sum += static_cast<double>(row[j]) * x[i * k + j];
      y[i * static_cast<std::size_t>(w.rows) + static_cast<std::size_t>(n)] = sum;
    }
  }
  return y;
}

/// Multiples of the kind's block near a size.
std::int64_t columns_for(const WeightKind& kind, std::int64_t about) {
  WeightMatrix w;
  w.type = kind.type;
  w.group = kind.group;
  const std::int64_t block = weight_block(w);
  return std::max<std::int64_t>(1, about / block) * block;
}

TEST_P(Linear, AgreesWithDoublePrecisionInEveryType) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  for (const auto& kind : all_weight_kinds()) {
    for (const auto& [rows, about, m] : {std::array<std::int64_t, 3>{37, 300, 3},
                                         {16, 1, 1},
                                         {3, 40, 2},
                                         {64, 1300, 9},
                                         {130, 2300, 1},
                                         {17, 96, 25}}) {
      const std::int64_t cols = columns_for(kind, about);
      const TestWeight w = make_weight(kind, rows, cols, 1);
      const auto x = random_floats(m * cols, 2);
      for (const NumericMode mode : kModes) {
        const auto y = multiply(kernels, w.view, x, mode);
        const auto expected = reference(w.view, prepared(GetParam(), w.view, mode, x));
        EXPECT_LE(nmse(y, expected), 1e-11) << kind_name(kind) << " " << rows << "x" << cols << " times " << m
                                            << (mode == NumericMode::Exact ? " exact" : " fast");
      }
    }
  }
}

TEST_P(Linear, GivesARowTheSameBitsInAnyCompany) {
  ThreadPool one(1);
  ThreadPool two(2);
  ThreadPool three(3);
  constexpr std::int64_t kRows = 64;
  for (const auto& kind : all_weight_kinds()) {
    for (const NumericMode mode : kModes) {
      const std::int64_t cols = columns_for(kind, kind.type == WeightType::F32 ? 8200 : 1300);
      const TestWeight w = make_weight(kind, 35, cols, 3);
      const auto x = random_floats(kRows * cols, 4);
      Kernels alone(GetParam(), one);
      std::vector<float> expected;
      for (std::int64_t m = 0; m < kRows; ++m) {
        const std::vector<float> row(x.begin() + m * cols, x.begin() + (m + 1) * cols);
        const auto y = multiply(alone, w.view, row, mode);
        expected.insert(expected.end(), y.begin(), y.end());
      }
      for (ThreadPool* pool : {&one, &two, &three}) {
        Kernels kernels(GetParam(), *pool);
        for (const std::int64_t batch : testing::kSanitized
                                            ? std::vector<std::int64_t>{3, 64}
                                            : std::vector<std::int64_t>{2, 3, 5, 7, 8, 13, 64}) {
          std::vector<float> y;
          for (std::int64_t m = 0; m < kRows; m += batch) {
            const std::vector<float> part(x.begin() + m * cols,
                                          x.begin() + std::min(kRows, m + batch) * cols);
            const auto some = multiply(kernels, w.view, part, mode);
            y.insert(y.end(), some.begin(), some.end());
          }
          EXPECT_EQ(y, expected) << kind_name(kind) << " in batches of " << batch << " on " << pool->size();
        }
      }
    }
  }
}

TEST_P(Linear, LongPromptsInPiecesGiveTheSameBits) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  for (const WeightType type : {WeightType::F32, WeightType::BF16, WeightType::Q4_0, WeightType::Q6_K}) {
    const TestWeight w = make_weight({.type = type}, 18, 8192, 5);
    const auto x = random_floats(150 * 8192, 6);
    for (const NumericMode mode : kModes) {
      const auto y = multiply(kernels, w.view, x, mode);
      for (const std::int64_t m : {0, 47, 48, 97, 149}) {
        const std::vector<float> row(x.begin() + m * 8192, x.begin() + (m + 1) * 8192);
        const std::vector<float> expected = multiply(kernels, w.view, row, mode);
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), y.begin() + m * 18)) << m;
      }
    }
  }
}

TEST_P(Linear, SeveralOutputsAndBiasesAgreeWithSeparateOnes) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  const TestWeight q = make_weight({.type = WeightType::Q4_K}, 40, 512, 7);
  const TestWeight k = make_weight({.type = WeightType::BF16}, 9, 512, 8);
  const TestWeight v = make_weight({.type = WeightType::Q6_K}, 24, 512, 9);
  const auto x = random_floats(5 * 512, 10);
  const auto bias = random_floats(40, 11);
  for (const NumericMode mode : kModes) {
    std::vector<float> yq(5 * 50);
    std::vector<float> yk(5 * 9);
    std::vector<float> yv(5 * 24);
    const std::array outputs = {LinearOutput{&q.view, Rows(yq.data(), 5, 40, 50), bias.data()},
                                LinearOutput{&k.view, Rows(yk.data(), 5, 9), bias.data()},
                                LinearOutput{&v.view, Rows(yv.data(), 5, 24), nullptr}};
    kernels.linear(outputs, ConstRows(x.data(), 5, 512), mode);
    const auto plain_q = multiply(kernels, q.view, x, mode);
    const auto plain_k = multiply(kernels, k.view, x, mode);
    EXPECT_EQ(yv, multiply(kernels, v.view, x, mode));
    for (std::size_t m = 0; m < 5; ++m) {
      for (std::size_t n = 0; n < 40; ++n) EXPECT_EQ(yq[m * 50 + n], plain_q[m * 40 + n] + bias[n]);
      for (std::size_t n = 40; n < 50; ++n) EXPECT_EQ(yq[m * 50 + n], 0.0F) << "written past the row";
      for (std::size_t n = 0; n < 9; ++n) EXPECT_EQ(yk[m * 9 + n], plain_k[m * 9 + n] + bias[n]);
    }
  }
}

TEST_P(Linear, DequantisesAsThePortableReferenceBitForBit) {
  ThreadPool pool(1);
  const Kernels kernels(GetParam(), pool);
  for (const auto& kind : all_weight_kinds()) {
    const std::int64_t cols = columns_for(kind, 333);
    const TestWeight w = make_weight(kind, 3, cols, 12);
    std::vector<float> row(static_cast<std::size_t>(cols));
    std::vector<float> expected(static_cast<std::size_t>(cols));
    for (std::int64_t n = 0; n < 3; ++n) {
      kernels.dequantize_row(w.view, n, row.data());
      portable_table()->dequantize_row(w.view, n, expected.data());
      EXPECT_EQ(row, expected) << kind_name(kind);
    }
  }
}

/// All quantised numbers, and x, at the ends of their ranges: where 16-bit sums would overflow.
TEST_P(Linear, KeepsTheLargestSums) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  for (const auto& kind : all_weight_kinds()) {
    if (kind.type <= WeightType::Fp8 || kind.type == WeightType::Mxfp8) continue;
    for (const std::byte pattern : {std::byte{0x00}, std::byte{0x80}, std::byte{0x7F}, std::byte{0xFF}}) {
      TestWeight w = make_weight(kind, 16, 512, 13);
      WeightMatrix block = w.view;
      block.cols = weight_block(w.view);
      const std::int64_t bytes = weight_row_bytes(block);
      const auto halves = half_offsets(kind.type);
      for (std::size_t i = 1; i < w.data.size(); ++i) {
        const auto at = static_cast<int>((static_cast<std::int64_t>(i) - 1) % bytes);
        const bool number = std::ranges::any_of(halves, [&](int h) { return at == h || at == h + 1; });
        if (!number) w.data[i] = pattern;
      }
      for (const float sign : {1.0F, -1.0F}) {
        const std::vector<float> x(512, sign * 3.0F);
        const auto expected = reference(w.view, prepared(GetParam(), w.view, NumericMode::Fast, x));
        EXPECT_LE(nmse(multiply(kernels, w.view, x, NumericMode::Fast), expected), 1e-9)
            << kind_name(kind) << " of " << static_cast<int>(pattern);
      }
    }
  }
}

TEST_P(Linear, SurvivesZeroTinyHugeAndNotANumber) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const auto& kind : all_weight_kinds()) {
    const TestWeight w = make_weight(kind, 19, columns_for(kind, 512), 14);
    const auto cols = static_cast<std::size_t>(w.view.cols);
    for (const NumericMode mode : kModes) {
      for (const float y : multiply(kernels, w.view, std::vector<float>(cols, 0.0F), mode))
        EXPECT_EQ(y, 0.0F);
      for (const float y : multiply(kernels, w.view, std::vector<float>(cols, 1e-44F), mode))
        EXPECT_LE(std::abs(y), 1e-38F) << kind_name(kind);
      for (const float y : multiply(kernels, w.view, std::vector<float>(cols, 1e30F), mode))
        EXPECT_TRUE(std::isfinite(y)) << kind_name(kind);
      for (const float poison : {kNan, kInfinity}) {
        std::vector<float> x(cols, 1.0F);
        x[5] = poison;
        const auto y = multiply(kernels, w.view, x, mode);
        EXPECT_TRUE(std::ranges::none_of(y, [](float v) { return std::isfinite(v); })) << kind_name(kind);
      }
    }
  }
}

TEST_P(Linear, ZeroRowsIsNothingToDo) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  const TestWeight w = make_weight({.type = WeightType::Q4_0}, 16, 64, 15);
  EXPECT_TRUE(multiply(kernels, w.view, {}, NumericMode::Fast).empty());
}

}  // namespace
}  // namespace minerva::kernels
