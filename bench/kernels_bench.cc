// Products by weight type at the shapes of a small and a 1B model, beside what the machine can do at most:
//   minerva_bench --benchmark_filter='Peak|ReadBandwidth|Decode|Prompt'
// Weights are taken in turn from more memory than caches hold, as a model's layers are.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace minerva::kernels {
namespace {

constexpr int kThreads = 2;

ThreadPool& pool() {
  static ThreadPool instance(kThreads);
  return instance;
}

#if defined(__x86_64__)

// Sixteen independent sums in registers. A plain array: std::array's functions lack the target's features.
#define MINERVA_PEAK(name, features, Vector, start, step)            \
  __attribute__((target(features))) void name(std::int64_t rounds) { \
    Vector sums[16]; /* NOLINT */                                    \
    for (auto& sum : sums) sum = start;                              \
    for (std::int64_t i = 0; i < rounds; ++i) {                      \
      for (auto& sum : sums) sum = step;                             \
      for (auto& sum : sums) __asm__ volatile("" : "+v"(sum));       \
    }                                                                \
  }
MINERVA_PEAK(peak_f32, "avx512f", __m512, _mm512_setzero_ps(), _mm512_fmadd_ps(sum, sum, sum))
MINERVA_PEAK(peak_bf16, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(),
             _mm512_dpbf16_ps(sum, __m512bh{}, __m512bh{}))
MINERVA_PEAK(peak_int8, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(),
             _mm512_dpbusd_epi32(sum, sum, sum))

void peak(benchmark::State& state, void (*loop)(std::int64_t), double operations) {
  if (available_isas().back() != Isa::Avx512) {
    state.SkipWithError("needs AVX-512");
    return;
  }
  constexpr std::int64_t kRounds = 100'000;
  for (auto _ : state) pool().run([&](int) { loop(kRounds); });
  state.counters["GOP/s"] =
      benchmark::Counter(operations * 16 * kRounds * kThreads * static_cast<double>(state.iterations()) / 1e9,
                         benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(peak, PeakF32, peak_f32, 32.0)->UseRealTime();
BENCHMARK_CAPTURE(peak, PeakBf16, peak_bf16, 64.0)->UseRealTime();
BENCHMARK_CAPTURE(peak, PeakInt8, peak_int8, 128.0)->UseRealTime();

#endif

void ReadBandwidth(benchmark::State& state) {
  constexpr std::size_t kWords = std::size_t{64} << 20;
  const std::vector<std::uint64_t> memory(kWords, 1);
  std::array<std::uint64_t, kThreads> sums{};
  for (auto _ : state) {
    pool().parallel_for(kWords, [&](std::int64_t begin, std::int64_t end, int thread) {
      std::uint64_t sum = 0;
      for (std::int64_t i = begin; i < end; i += 8)
        sum += memory[static_cast<std::size_t>(i)];  // a line each
      sums[static_cast<std::size_t>(thread)] += sum;
    });
  }
  benchmark::DoNotOptimize(sums);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kWords * 8));
}
BENCHMARK(ReadBandwidth)->UseRealTime();

struct Shape {
  const char* name;
  std::int64_t rows, cols;
};
constexpr std::array kShapes = {Shape{"135M", 1536, 576}, Shape{"1B", 8192, 2048},
                                Shape{"1B_down", 2048, 8192}};

struct Type {
  const char* name;
  WeightType type;
  int bits = 0;
};
constexpr std::array kTypes = {
    Type{"F32", WeightType::F32},           Type{"F16", WeightType::F16},
    Type{"BF16", WeightType::BF16},         Type{"FP8", WeightType::Fp8},
    Type{"Q8_0", WeightType::Q8_0},         Type{"Q4_0", WeightType::Q4_0},
    Type{"Q4_1", WeightType::Q4_1},         Type{"Q5_0", WeightType::Q5_0},
    Type{"Q5_1", WeightType::Q5_1},         Type{"Q2_K", WeightType::Q2_K},
    Type{"Q3_K", WeightType::Q3_K},         Type{"Q4_K", WeightType::Q4_K},
    Type{"Q5_K", WeightType::Q5_K},         Type{"Q6_K", WeightType::Q6_K},
    Type{"MLX2", WeightType::MlxAffine, 2}, Type{"MLX3", WeightType::MlxAffine, 3},
    Type{"MLX4", WeightType::MlxAffine, 4}, Type{"MLX6", WeightType::MlxAffine, 6},
    Type{"MLX8", WeightType::MlxAffine, 8}, Type{"MXFP4", WeightType::Mxfp4},
    Type{"NVFP4", WeightType::Nvfp4},       Type{"MXFP8", WeightType::Mxfp8},
};

/// Bytes 0x20 everywhere: small numbers in every format, none of them special.
struct Weights {
  Weights(const Type& type, const Shape& shape) {
    WeightMatrix w;
    w.type = type.type;
    w.rows = shape.rows;
    w.cols = shape.cols;
    w.bits = type.bits;
    w.group = 64;
    w.block_rows = w.block_cols = 128;
    w.scale_type = ScalarType::BF16;
    w.row_stride = weight_row_bytes(w);
    w.scale_stride = shape.cols / 8;  // enough for every type
    constexpr std::int64_t kMemory = std::int64_t{256} << 20;
    const std::int64_t bytes = w.rows * (w.row_stride + 2 * w.scale_stride);
    const std::int64_t copies = std::max<std::int64_t>(1, kMemory / bytes);
    memory.assign(static_cast<std::size_t>(copies * bytes), std::byte{0x20});
    for (std::int64_t i = 0; i < copies; ++i) {
      w.data = memory.data() + i * bytes;
      w.scales = w.data + w.rows * w.row_stride;
      w.biases = w.scales + w.rows * w.scale_stride;
      views.push_back(w);
    }
  }
  std::vector<std::byte> memory;
  std::vector<WeightMatrix> views;
};

void product(benchmark::State& state, const Type& type, const Shape& shape, std::int64_t m,
             NumericMode mode) {
  const Weights weights(type, shape);
  Kernels kernels(best_isa(), pool());
  std::vector<float> x(static_cast<std::size_t>(m * shape.cols));
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (auto& value : x) value = normal(random);
  std::vector<float> y(static_cast<std::size_t>(m * shape.rows));
  std::size_t next = 0;
  for (auto _ : state) {
    kernels.linear(weights.views[next], ConstRows(x.data(), m, shape.cols), Rows(y.data(), m, shape.rows),
                   mode);
    next = (next + 1) % weights.views.size();
  }
  const auto runs = static_cast<double>(state.iterations());
  const auto size = static_cast<double>(shape.rows * shape.cols);
  state.counters["GFLOP/s"] =
      benchmark::Counter(2 * size * static_cast<double>(m) * runs / 1e9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(shape.rows * weights.views[0].row_stride) * runs / 1e9,
                         benchmark::Counter::kIsRate);
}

void attention(benchmark::State& state, int heads, int kv_heads, std::int64_t rows_count,
               std::int64_t context) {
  constexpr int kHeadDim = 64;
  const std::size_t size = static_cast<std::size_t>(context) * static_cast<std::size_t>(kv_heads) * kHeadDim;
  const std::vector<std::uint16_t> keys(size, 0x3C00);
  const std::vector<std::uint16_t> values(size, 0x3C00);
  KvView cache;
  cache.keys = keys.data();
  cache.values = values.data();
  cache.type = ScalarType::F16;
  cache.key_position_stride = cache.value_position_stride = kHeadDim;
  cache.key_head_stride = cache.value_head_stride = context * kHeadDim;
  AttentionShape shape;
  shape.heads = heads;
  shape.kv_heads = kv_heads;
  shape.head_dim = shape.value_dim = kHeadDim;
  shape.scale = 0.125F;
  std::vector<AttentionRow> rows;
  for (std::int64_t i = 0; i < rows_count; ++i) rows.push_back({&cache, 0, context - rows_count + i});
  const std::int64_t width = std::int64_t{heads} * kHeadDim;
  const std::vector<float> queries(static_cast<std::size_t>(rows_count * width), 0.1F);
  std::vector<float> out(queries.size());
  Kernels kernels(best_isa(), pool());
  for (auto _ : state)
    kernels.attend(shape, rows, ConstRows(queries.data(), rows_count, width),
                   Rows(out.data(), rows_count, width));
  const double pairs =
      static_cast<double>(rows_count) * (static_cast<double>(context) - static_cast<double>(rows_count) / 2);
  state.counters["GFLOP/s"] = benchmark::Counter(
      4 * pairs * static_cast<double>(width) * static_cast<double>(state.iterations()) / 1e9,
      benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(attention, PromptOf512, 9, 3, 512, 512)->UseRealTime();
BENCHMARK_CAPTURE(attention, PromptOf4096, 9, 3, 512, 4096)->UseRealTime();
BENCHMARK_CAPTURE(attention, DecodeAt512, 9, 3, 1, 512)->UseRealTime();
BENCHMARK_CAPTURE(attention, DecodeAt8192, 9, 3, 1, 8192)->UseRealTime();

const bool kRegistered = [] {
  for (const Shape& shape : kShapes) {
    for (const Type& type : kTypes) {
      const auto add = [&](const char* what, std::int64_t m, NumericMode mode) {
        const std::string name = std::string(what) + "/" + shape.name + "/" + type.name;
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& s) {
          product(s, type, shape, m, mode);
        })->UseRealTime();
      };
      add("Decode", 1, NumericMode::Fast);
      add("Batch8", 8, NumericMode::Fast);
      add("Prompt", 512, NumericMode::Fast);
      add("ExactDecode", 1, NumericMode::Exact);
    }
  }
  return true;
}();

}  // namespace
}  // namespace minerva::kernels
