// The memory that was foretold against what is really taken, for both backends, every kind of weights that
// they hold differently, and contexts of all shapes. Each case in a process of its own: the most that a
// process has held never goes down.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "conversion/hf_directory.h"
#include "conversion/random_model.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;

constexpr double kShareMax = 0.10;
constexpr double kBytesMax = 32e6;

enum class Weights : std::uint8_t {
  Smollm2,
  Gemma3,
  Smollm2Directory,
  RandomQ80,
  RandomQ40,
  RandomQ4K,
  RandomF16
};

struct MemoryCase {
  const char* name;
  Weights weights;
  std::vector<std::string> settings;  ///< of measure_memory
  /// A context that is not full may take less than foretold: it was foretold full.
  bool is_full = true;
};

// Models that are written for these tests, once for all of them.
class MemoryTest : public ::testing::TestWithParam<MemoryCase> {
 protected:
  static void SetUpTestSuite() { folder_ = new TempDir; }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static fs::path model(Weights weights) {
    switch (weights) {
      case Weights::Smollm2:
        return smollm2_gguf();
      case Weights::Gemma3:
        return gemma3_gguf();
      case Weights::Smollm2Directory:
        return directory();
      case Weights::RandomQ80:
        return random("q8_0.gguf", RandomType::Q8_0);
      case Weights::RandomQ40:
        return random("q4_0.gguf", RandomType::Q4_0);
      case Weights::RandomQ4K:
        return random("q4_k.gguf", RandomType::Q4_K);
      case Weights::RandomF16:
        return random("f16.gguf", RandomType::F16);
    }
    return {};
  }

 private:
  static fs::path directory() {
    const fs::path path = folder_->path() / "directory";
    if (fs::exists(path)) return path;
    const auto written = write_hf_directory(smollm2_gguf(), path);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }
  static fs::path random(const char* name, RandomType type) {
    const fs::path path = folder_->path() / name;
    if (fs::exists(path)) return path;
    const auto vocabulary = vocabulary_size_of(smollm2_gguf());
    EXPECT_TRUE(vocabulary);
    const RandomModel shape{.hidden = 1024, .layers = 6, .vocabulary = vocabulary.value_or(0), .type = type};
    const auto written = write_random_gguf(shape, smollm2_gguf(), path);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }

  static inline TempDir* folder_ = nullptr;
};

TEST_P(MemoryTest, ToldIsTaken) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer holds several times as much";
  const fs::path needed = GetParam().weights == Weights::Gemma3 ? gemma3_gguf() : smollm2_gguf();
  MINERVA_NEEDS_MODEL(needed);
  std::vector<std::string> arguments = {model(GetParam().weights).string()};
  arguments.insert(arguments.end(), GetParam().settings.begin(), GetParam().settings.end());
  const Outcome outcome = run_program(measure_memory_program(), arguments);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto measured = nlohmann::json::parse(outcome.out);
  const auto told = measured["told"].get<double>();
  const auto taken = measured["taken"].get<double>();
  RecordProperty("measured", outcome.out);
  const double allowed = std::max(kBytesMax, kShareMax * taken);
  EXPECT_LE(taken - told, allowed) << outcome.out;
  if (!GetParam().is_full) return;
  EXPECT_LE(told - taken, allowed) << outcome.out;
  EXPECT_LE(measured["kv_held"].get<double>(), measured["kv"].get<double>() * 1.01) << outcome.out;
}

INSTANTIATE_TEST_SUITE_P(
    Llama, MemoryTest,
    ::testing::Values(
        MemoryCase{"Small", Weights::Smollm2, {"context=512", "batch=128"}},
        MemoryCase{"Usual", Weights::Smollm2, {"context=2048", "fill=512"}},
        MemoryCase{"NearlyEmpty", Weights::Smollm2, {"context=2048", "fill=8"}, false},
        MemoryCase{"Large", Weights::Smollm2, {"context=8192", "fill=512"}},
        MemoryCase{"FourSequences", Weights::Smollm2, {"context=2048", "sequences=4", "fill=1024"}},
        MemoryCase{"SixteenSequences", Weights::Smollm2, {"context=8192", "sequences=16", "fill=512"}},
        MemoryCase{"Gemma3Usual", Weights::Gemma3, {"context=2048", "fill=512"}},
        MemoryCase{"Gemma3Large", Weights::Gemma3, {"context=32768", "fill=512"}},
        MemoryCase{"Gemma3Sequences", Weights::Gemma3, {"context=8192", "sequences=16", "fill=512"}},
        MemoryCase{"ReadNotMapped", Weights::RandomQ40, {"context=512", "mmap=0"}},
        MemoryCase{"Q80", Weights::RandomQ80, {"context=2048", "sequences=4", "fill=512"}},
        MemoryCase{"Q40", Weights::RandomQ40, {"context=2048", "sequences=4", "fill=512"}},
        MemoryCase{"Q4K", Weights::RandomQ4K, {"context=2048", "sequences=4", "fill=512"}},
        MemoryCase{"F16", Weights::RandomF16, {"context=8192", "fill=512"}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Native, MemoryTest,
    ::testing::Values(
        MemoryCase{"Small", Weights::Smollm2, {"backend=native", "context=512", "batch=128"}},
        MemoryCase{"Usual", Weights::Smollm2, {"backend=native", "context=2048"}},
        MemoryCase{"NearlyEmpty", Weights::Smollm2, {"backend=native", "context=8192", "fill=8"}, false},
        MemoryCase{"SixteenSequences", Weights::Smollm2, {"backend=native", "context=8192", "sequences=16"}},
        MemoryCase{"Gemma3Usual", Weights::Gemma3, {"backend=native", "context=2048"}},
        MemoryCase{"Gemma3Large", Weights::Gemma3, {"backend=native", "context=8192", "sequences=4"}},
        MemoryCase{"DirectoryFast", Weights::Smollm2Directory, {"backend=native", "context=2048"}},
        MemoryCase{"DirectoryExact",
                   Weights::Smollm2Directory,
                   {"backend=native", "numeric=exact", "context=2048", "sequences=4"}},
        MemoryCase{"DirectoryFourSequences",
                   Weights::Smollm2Directory,
                   {"backend=native", "context=8192", "sequences=4"}},
        MemoryCase{"Q80", Weights::RandomQ80, {"backend=native", "context=2048", "sequences=4"}},
        MemoryCase{"Q4K", Weights::RandomQ4K, {"backend=native", "context=2048", "sequences=16"}},
        MemoryCase{"F16Exact", Weights::RandomF16, {"backend=native", "numeric=exact", "context=512"}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva::testing
