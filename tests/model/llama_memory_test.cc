// The memory that was foretold against what is really taken. Each case in a process of its own: the most a
// process has held never goes down.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "backends/llama/llama_backend.h"
#include "base/memory.h"
#include "model/llama_fixture.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using namespace testing;

constexpr double kShareMax = 0.10;
constexpr double kBytesMax = 32e6;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanMeasure = false;  // a sanitizer holds several times as much
#else
constexpr bool kCanMeasure = true;
#endif

struct MemoryCase {
  const char* name;
  bool is_gemma;
  ContextOptions options;
  std::size_t tokens;  // decoded, so that memory is touched
};

class LlamaMemoryTest : public ::testing::TestWithParam<MemoryCase> {};

// Exits with 0 when the estimate was right.
[[noreturn]] void measure(const std::filesystem::path& path, const MemoryCase& test) {
  const std::uint64_t before = resident_bytes();
  const auto backend = make_llama_backend();
  const auto description = describe_gguf(path);
  const auto need = backend->memory_needed(description, {}, test.options);
  const auto model = backend->load(description, {}, {});
  if (!need || !model) ::_exit(2);
  {
    auto context = (*model)->new_context(test.options);
    if (!context) ::_exit(3);
    std::vector<TokenId> ids(test.tokens);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(100 + i * 7 % 5000);
    decode_all(**context, ids, 0, 0, (*context)->batch_tokens());
    if ((*context)->kv_bytes() != need->kv_bytes) ::_exit(4);
  }
  const double taken = static_cast<double>(peak_resident_bytes() - before);
  const double told = static_cast<double>(need->total());
  std::fprintf(stderr, "told %.1f MB, taken %.1f MB\n", told / 1e6, taken / 1e6);
  ::_exit(!kCanMeasure || std::abs(told - taken) <= std::max(kBytesMax, kShareMax * taken) ? 0 : 1);
}

TEST_P(LlamaMemoryTest, ToldIsTaken) {
  const auto path = GetParam().is_gemma ? gemma3_gguf() : smollm2_gguf();
  MINERVA_NEEDS_MODEL(path);
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fresh process, not a copy of this one
  EXPECT_EXIT(measure(path, GetParam()), ::testing::ExitedWithCode(0), "")
      << "1: the estimate is off; 4: the cache has another size than told";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LlamaMemoryTest,
    ::testing::Values(
        MemoryCase{"Smollm2Small", false, {.context_tokens = 512, .batch_tokens = 128, .threads = 1}, 64},
        MemoryCase{"Smollm2Usual", false, {.context_tokens = 2048, .threads = 1}, 512},
        MemoryCase{"Smollm2Large", false, {.context_tokens = 8192, .threads = 1}, 128},
        MemoryCase{
            "Smollm2ManySequences", false, {.context_tokens = 4096, .sequences_max = 16, .threads = 1}, 128},
        MemoryCase{"Gemma3Usual", true, {.context_tokens = 2048, .threads = 1}, 512},
        MemoryCase{"Gemma3Large", true, {.context_tokens = 32768, .threads = 1}, 512},
        MemoryCase{
            "Gemma3ManySequences", true, {.context_tokens = 4096, .sequences_max = 8, .threads = 1}, 64}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva
