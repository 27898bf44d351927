#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>

#include "kernels/test_support.h"

namespace minerva::kernels {
namespace {

MINERVA_FOR_EACH_ISA(Elementwise);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<std::int64_t, 8> kWidths = {1, 3, 8, 16, 31, 64, 77, 576};

double silu(double x) {
  return x / (1 + std::exp(-x));
}

double activation(Activation kind, double x) {
  switch (kind) {
    case Activation::Silu:
      return silu(x);
    case Activation::Gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::GeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    case Activation::Relu:
      return std::max(x, 0.0);
    case Activation::Relu2:
      return x > 0 ? x * x : 0;
    case Activation::Relu6:
      return std::clamp(x, 0.0, 6.0);
    case Activation::LeakyRelu:
      return x < 0 ? 0.01 * x : x;
    case Activation::QuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::Gelu10:
      return std::clamp(activation(Activation::Gelu, x), -10.0, 10.0);
    case Activation::HardSwish:
      return x * std::clamp(x + 3, 0.0, 6.0) / 6;
    case Activation::Mish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case Activation::Tanh:
      return std::tanh(x);
    case Activation::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::Laplace:
      return 0.5 * (1 + std::erf((x - 0.707107) / (0.282095 * std::sqrt(2.0))));
    case Activation::SqrtSoftplus:
      return std::sqrt(std::log1p(std::exp(x)));
    case Activation::Linear:
      return x;
    case Activation::XIelu:
      return x > 0 ? 0.8 * x * x + 0.5 * x : (std::expm1(std::min(x, -1e-6)) - x) * 0.8 + 0.5 * x;
    case Activation::SwigluOai:
      break;
  }
  return 0;
}

constexpr std::array kActivations = {Activation::Silu,      Activation::Gelu,      Activation::GeluTanh,
                                     Activation::Relu,      Activation::Relu2,     Activation::Relu6,
                                     Activation::LeakyRelu, Activation::QuickGelu, Activation::Gelu10,
                                     Activation::HardSwish, Activation::Mish,      Activation::Tanh,
                                     Activation::Sigmoid,   Activation::Laplace,   Activation::SqrtSoftplus,
                                     Activation::Linear,    Activation::XIelu};

/// What an activation reaches for a huge x.
float reached(Activation kind) {
  switch (kind) {
    case Activation::Relu6:
      return 6;
    case Activation::Gelu10:
      return 10;
    case Activation::Tanh:
    case Activation::Sigmoid:
    case Activation::Laplace:
      return 1;
    case Activation::SqrtSoftplus:
      return 1.7e19F;
    default:
      return 1.1e38F;
  }
}

/// Every size of number, both signs.
std::vector<float> sweep() {
  std::vector<float> x = {0.0F, -0.0F};
  for (float size = 1e-9F; size < 200.0F; size *= 1.07F) {
    x.push_back(size);
    x.push_back(-size);
  }
  return x;
}

TEST_P(Elementwise, ActivationsAreAccurateEverywhere) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  for (const Activation kind : kActivations) {
    const auto x = sweep();
    auto y = x;
    kernels.activate(kind, Rows(y.data(), 1, static_cast<std::int64_t>(y.size())));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = activation(kind, static_cast<double>(x[i]));
      // 1 + erf and 1 + tanh cancel for negative x, as they do in the models' own float32.
      // Laplace's does so about 0.
      const double offset = kind == Activation::Laplace ? 0.7 : 0.0;
      const double allowed =
          1e-6 * std::abs(expected) + 1.2e-7 * (std::abs(static_cast<double>(x[i])) + offset);
      EXPECT_NEAR(static_cast<double>(y[i]), expected, allowed) << static_cast<int>(kind) << " of " << x[i];
    }
  }
}

TEST_P(Elementwise, ActivationsPassNotANumberOn) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  for (const Activation kind : kActivations) {
    std::vector<float> x = {kNan, kInfinity, -kInfinity, 3e38F, -3e38F};
    kernels.activate(kind, Rows(x.data(), 1, 5));
    EXPECT_TRUE(std::isnan(x[0])) << static_cast<int>(kind);
    EXPECT_GT(x[1], 0.95F * reached(kind)) << static_cast<int>(kind);
    EXPECT_GT(x[3], 0.95F * reached(kind)) << static_cast<int>(kind);
  }
}

TEST_P(Elementwise, GatedActivationsMultiply) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  for (const std::int64_t width : kWidths) {
    const auto gate = random_floats(3 * width, 1, 3.0F);
    const auto up = random_floats(3 * width, 2, 6.0F);
    for (const Activation kind : kActivations) {
      std::vector<float> y(gate.size());
      kernels.activate_gated(kind, {gate.data(), 3, width}, {up.data(), 3, width}, {y.data(), 3, width});
      std::vector<double> expected(gate.size());
      for (std::size_t i = 0; i < gate.size(); ++i)
        expected[i] = activation(kind, static_cast<double>(gate[i])) * static_cast<double>(up[i]);
      EXPECT_LE(nmse(y, expected), 1e-12) << static_cast<int>(kind);
    }
    std::vector<float> y(gate.size());
    kernels.activate_gated(Activation::SwigluOai, {gate.data(), 3, width}, {up.data(), 3, width},
                           {y.data(), 3, width});
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const double g = std::min(static_cast<double>(gate[i]), 7.0);
      const double u = std::clamp(static_cast<double>(up[i]), -7.0, 7.0);
      EXPECT_NEAR(static_cast<double>(y[i]), (u + 1) * g / (1 + std::exp(-1.702 * g)), 1e-4);
    }
  }
}

struct NormCase {
  bool weight, bias, plus_one, layer;
  std::int64_t weight_rows;
};

TEST_P(Elementwise, NormsAgreeWithDoublePrecision) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  constexpr std::array kCases = {
      NormCase{true, false, false, false, 1},  NormCase{true, false, true, false, 1},
      NormCase{false, false, false, false, 1}, NormCase{true, false, false, false, 3},
      NormCase{true, true, false, true, 1},    NormCase{true, false, false, true, 1},
      NormCase{true, true, true, true, 1},     NormCase{false, false, false, true, 1}};
  constexpr std::int64_t kCount = 6;
  for (const std::int64_t width : kWidths) {
    for (const NormCase& c : kCases) {
      auto x = random_floats(kCount * (width + 2), 3, 2.0F);
      for (auto& value : x) value += 0.5F;
      const auto weight = random_floats(3 * width, 4);
      const auto bias = random_floats(3 * width, 5);
      NormParameters p;
      p.weight = c.weight ? weight.data() : nullptr;
      p.bias = c.bias ? bias.data() : nullptr;
      p.weight_rows = c.weight_rows;
      p.plus_one = c.plus_one;
      p.epsilon = 1e-5F;
      std::vector<double> expected;
      for (std::int64_t r = 0; r < kCount; ++r) {
        const float* row = x.data() + r * (width + 2);
        double mean = 0;
        for (std::int64_t i = 0; i < width; ++i)
          mean += static_cast<double>(row[i]) / static_cast<double>(width);
        if (!c.layer) mean = 0;
        double square = 0;
        for (std::int64_t i = 0; i < width; ++i) square += std::pow(static_cast<double>(row[i]) - mean, 2);
        const double factor = 1 / std::sqrt(square / static_cast<double>(width) + 1e-5);
        for (std::int64_t i = 0; i < width; ++i) {
          const auto at = static_cast<std::size_t>(r % c.weight_rows * width + i);
          double value = (static_cast<double>(row[i]) - mean) * factor;
          if (c.weight) value *= static_cast<double>(weight[at]) + (c.plus_one ? 1 : 0);
          if (c.bias) value += static_cast<double>(bias[at]);
          expected.push_back(value);
        }
      }
      std::vector<float> y(static_cast<std::size_t>(kCount * width));
      const ConstRows from(x.data(), kCount, width, width + 2);
      const Rows to(y.data(), kCount, width);
      c.layer ? kernels.layer_norm(from, to, p) : kernels.rms_norm(from, to, p);
      EXPECT_LE(nmse(y, expected), 2e-12) << width;
    }
  }
}

TEST_P(Elementwise, SoftmaxSumsToOneAndOrdersAsDoublePrecision) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  for (const std::int64_t width : kWidths) {
    auto x = random_floats(width, 6, 20.0F);
    const auto logits = x;
    kernels.softmax(Rows(x.data(), 1, width), 0.7F);
    const auto top = static_cast<double>(*std::ranges::max_element(logits));
    double sum = 0;
    for (const float v : logits) sum += std::exp(0.7 * (static_cast<double>(v) - top));
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(static_cast<double>(x[i]), std::exp(0.7 * (static_cast<double>(logits[i]) - top)) / sum,
                  2e-6);
  }
}

TEST_P(Elementwise, ArithmeticOnRows) {
  ThreadPool pool(2);
  Kernels kernels(GetParam(), pool);
  for (const std::int64_t width : {5, 64, 20001}) {
    const auto x = random_floats(2 * width, 7, 4.0F);
    const auto y = random_floats(2 * width, 8, 4.0F);
    auto sum = y;
    auto scaled_sum = y;
    auto scaled = x;
    auto capped = x;
    auto clamped = x;
    kernels.add({sum.data(), 2, width}, {x.data(), 2, width});
    kernels.add({scaled_sum.data(), 2, width}, {x.data(), 2, width}, 0.22F);
    kernels.scale({scaled.data(), 2, width}, 0.3F);
    kernels.soft_cap({capped.data(), 2, width}, 5.0F);
    kernels.clamp({clamped.data(), 2, width}, 1.5F);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(sum[i], x[i] + y[i]);
      EXPECT_NEAR(scaled_sum[i], y[i] + 0.22F * x[i], 2e-6F);
      EXPECT_EQ(scaled[i], x[i] * 0.3F);
      EXPECT_NEAR(static_cast<double>(capped[i]), 5 * std::tanh(static_cast<double>(x[i]) / 5), 3e-6);
      EXPECT_EQ(clamped[i], std::clamp(x[i], -1.5F, 1.5F));
    }
  }
}

/// A row's result may not depend on how many rows there are, nor a number's on where in its row it stands.
TEST_P(Elementwise, ResultsDoNotDependOnCompany) {
  ThreadPool one(1);
  ThreadPool three(3);
  Kernels alone(GetParam(), one);
  Kernels together(GetParam(), three);
  constexpr std::int64_t kWidth = 577;
  constexpr std::int64_t kCount = 64;
  const auto x = random_floats(kCount * kWidth, 9, 3.0F);
  NormParameters norm;
  const std::array<std::function<void(Kernels&, Rows)>, 6> functions = {
      [&](Kernels& k, Rows r) { k.rms_norm(r, r, norm); },
      [&](Kernels& k, Rows r) { k.layer_norm(r, r, norm); },
      [](Kernels& k, Rows r) { k.softmax(r); },
      [](Kernels& k, Rows r) { k.activate(Activation::Gelu, r); },
      [](Kernels& k, Rows r) { k.activate(Activation::XIelu, r); },
      [](Kernels& k, Rows r) { k.soft_cap(r, 3.0F); },
  };
  for (const auto& function : functions) {
    auto all = x;
    auto single = x;
    function(together, Rows(all.data(), kCount, kWidth));
    for (std::int64_t i = 0; i < kCount; ++i) function(alone, Rows(single.data() + i * kWidth, 1, kWidth));
    EXPECT_EQ(all, single);
  }
  auto long_row = x;
  auto short_rows = x;
  together.activate(Activation::Silu, Rows(long_row.data(), 1, kCount * kWidth));
  alone.activate(Activation::Silu, Rows(short_rows.data(), kCount * kWidth, 1));
  EXPECT_EQ(long_row, short_rows);
}

TEST_P(Elementwise, RotatesHalvesAndPairs) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  constexpr int kHeads = 2;
  for (const int head_dim : {8, 64, 80}) {
    for (const int dims : {head_dim, head_dim / 2, 6}) {
      for (const bool pairs : {false, true}) {
        const int half = dims / 2;
        const auto cosines = random_floats(4 * half, 10);
        const auto sines = random_floats(4 * half, 11);
        const auto x = random_floats(3 * kHeads * head_dim, 12);
        auto y = x;
        const std::array<std::int64_t, 3> rows = {2, 0, 3};
        kernels.rotate(Rows(y.data(), 3, kHeads * head_dim), kHeads, head_dim,
                       {cosines.data(), sines.data(), half, dims, pairs}, rows.data());
        for (std::size_t i = 0; i < x.size(); ++i) {
          const int d = static_cast<int>(i) % head_dim;
          if (d >= dims) {
            EXPECT_EQ(y[i], x[i]);
            continue;
          }
          const bool second = pairs ? d % 2 == 1 : d >= half;
          const std::size_t other = pairs    ? (second ? i - 1 : i + 1)
                                    : second ? i - static_cast<std::size_t>(half)
                                             : i + static_cast<std::size_t>(half);
          const auto row = rows[i / static_cast<std::size_t>(kHeads * head_dim)];
          const auto at = static_cast<std::size_t>(row * half + (pairs ? d / 2 : d % half));
          const double turned = static_cast<double>(x[other]) * static_cast<double>(sines[at]);
          const double expected =
              static_cast<double>(x[i]) * static_cast<double>(cosines[at]) + (second ? turned : -turned);
          EXPECT_NEAR(static_cast<double>(y[i]), expected, 2e-6);
        }
      }
    }
  }
}

// What lies as pairs is rotated as if it had lain as halves, bit for bit.
TEST_P(Elementwise, UnpairsBeforeItRotates) {
  ThreadPool pool(1);
  Kernels kernels(GetParam(), pool);
  for (const int dims : {2, 6, 64, 80, kUnpairedMax}) {
    const int head_dim = dims + 2;
    const int half = dims / 2;
    const auto cosines = random_floats(half, 10);
    const auto sines = random_floats(half, 11);
    auto halves = random_floats(2 * head_dim, 12);
    auto pairs = halves;
    for (int i = 0; i < 2 * dims; ++i) {
      const int head = i / dims * head_dim;
      const int d = i % dims;
      pairs[static_cast<std::size_t>(head + (d < half ? 2 * d : 2 * (d - half) + 1))] =
          halves[static_cast<std::size_t>(head + d)];
    }
    const std::int64_t row = 0;
    RotaryTable table{.cosines = cosines.data(), .sines = sines.data(), .stride = half, .dims = dims};
    kernels.rotate(Rows(halves.data(), 1, 2 * head_dim), 2, head_dim, table, &row);
    table.unpair = true;
    kernels.rotate(Rows(pairs.data(), 1, 2 * head_dim), 2, head_dim, table, &row);
    EXPECT_EQ(pairs, halves) << dims;
  }
}

TEST_P(Elementwise, ConvertsToNearestEven) {
  ThreadPool pool(1);
  const Kernels kernels(GetParam(), pool);
  const std::vector<float> x = {0.0F,       -0.0F,      1.0F,  1.00390625F, 1.01171875F, 65504.0F,
                                65519.0F,   65520.0F,   1e10F, 1e-7F,       2.98e-8F,    2.9802322e-8F,
                                3e-8F,      6.1e-5F,    -1.5F, kInfinity,   -kInfinity,  1e38F,
                                0x1.002p0F, 0x1.006p0F, -6e-8F};
  std::vector<std::uint16_t> half(x.size());
  std::vector<std::uint16_t> brain(x.size());
  const auto n = static_cast<std::int64_t>(x.size());
  kernels.convert(x.data(), n, ScalarType::F16, half.data());
  kernels.convert(x.data(), n, ScalarType::BF16, brain.data());
  const std::vector<std::uint16_t> expected_half = {0x0000, 0x8000, 0x3C00, 0x3C04, 0x3C0C, 0x7BFF, 0x7BFF,
                                                    0x7C00, 0x7C00, 0x0002, 0x0000, 0x0000, 0x0001, 0x03FF,
                                                    0xBE00, 0x7C00, 0xFC00, 0x7C00, 0x3C00, 0x3C02, 0x8001};
  EXPECT_EQ(half, expected_half);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(brain[i], bf16_bits(x[i])) << x[i];
  std::uint16_t nan = 0;
  for (const ScalarType type : {ScalarType::F16, ScalarType::BF16}) {
    kernels.convert(&kNan, 1, type, &nan);
    EXPECT_GT(nan & 0x7FFF, type == ScalarType::F16 ? 0x7C00 : 0x7F80);
  }
}

TEST(Isa, TheEnvironmentMayNameOneThatIsAvailable) {
  const auto available = available_isas();
  ASSERT_FALSE(available.empty());
  EXPECT_EQ(available.front(), Isa::Scalar);
  for (const Isa isa : available) {
    setenv("MINERVA_ISA", std::string(isa_name(isa)).c_str(), 1);
    EXPECT_EQ(best_isa(), isa);
  }
  setenv("MINERVA_ISA", "nonsense", 1);
  EXPECT_EQ(best_isa(), available.back());
  unsetenv("MINERVA_ISA");
  EXPECT_EQ(best_isa(), available.back());
}

}  // namespace
}  // namespace minerva::kernels
