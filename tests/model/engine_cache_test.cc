// The engine with real models: either backend on either format, and two models that share room for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "backends/llama/llama_backend.h"
#include "backends/native/native_backend.h"
#include "base/memory.h"
#include "conversion/hf_directory.h"
#include "minerva/engine.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using testing::gemma3_gguf;
using ::testing::HasSubstr;
using testing::kSanitized;
using testing::smollm2_gguf;
using ::testing::StartsWith;

GenerationRequest greedy(std::string prompt, std::uint32_t max_tokens) {
  GenerationRequest request{.prompt = std::move(prompt), .max_tokens = max_tokens, .ignore_eos = true};
  request.sampling.temperature = 0.0F;
  return request;
}

class EngineCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MINERVA_NEEDS_MODEL(smollm2_gguf());
    MINERVA_NEEDS_MODEL(gemma3_gguf());
  }
};

TEST_F(EngineCacheTest, EitherBackendRunsEitherFormat) {
  const testing::TempDir directory;
  const testing::TempDir cache;
  const auto written = testing::write_hf_directory(smollm2_gguf(), directory.path());
  ASSERT_TRUE(written) << written.error().message;
  Engine engine({.cache_folder = cache.path()});
  std::vector<std::string> texts;
  for (const fs::path& path : {smollm2_gguf(), directory.path()}) {
    for (const char* backend : {"llama", "native"}) {
      const auto model = engine.open(path, {.backends = {backend}, .context_tokens = 256});
      ASSERT_TRUE(model) << model.error().message;
      EXPECT_EQ((*model)->backend(), backend);
      EXPECT_THAT(std::string((*model)->backend_reason()), HasSubstr("asked for by the request"));
      EXPECT_TRUE((*model)->fallbacks().empty());
      EXPECT_EQ((*model)->description().path.filename(), path.filename());
      const bool is_directory = path != smollm2_gguf();
      EXPECT_EQ((*model)->description().format, is_directory ? Format::HfSafetensors : Format::Gguf);
      const auto answer = (*model)->generate(greedy("The capital of France is", 8));
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->tokens.size(), 8U);
      texts.push_back(answer->text);
      EXPECT_EQ((*model)->render_chat({{"user", "Hi"}}).has_value(), true);
    }
  }
  // Greedy: four ways to the same text, as far as the margins are wide.
  for (const std::string& text : texts) EXPECT_THAT(text, StartsWith(" Paris.\n\n"));
  EXPECT_EQ(engine.resident().size(), 4U);
}

// A directory is converted once, whoever asks for it.
TEST_F(EngineCacheTest, AConvertedDirectoryIsKept) {
  const testing::TempDir directory;
  const testing::TempDir cache;
  ASSERT_TRUE(testing::write_hf_directory(smollm2_gguf(), directory.path()));
  const auto load_ms = [&] {
    Engine engine({.backends = {"llama"}, .cache_folder = cache.path()});
    const auto model = engine.open(directory.path(), {.context_tokens = 64});
    EXPECT_TRUE(model) << model.error().message;
    return model ? (*model)->generate(greedy("Hi", 1))->timings.load_ms : 0;
  };
  load_ms();
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(cache.path())) {
    if (entry.path().extension() == ".gguf") files.push_back(entry.path());
  }
  ASSERT_EQ(files.size(), 1U);
  const auto time = fs::last_write_time(files[0]);
  load_ms();
  EXPECT_EQ(fs::last_write_time(files[0]), time);
}

constexpr std::uint32_t kContext = 256;
constexpr std::uint32_t kParallel = 4;
constexpr std::uint64_t kTolerance = 32'000'000;

MemoryNeed need_of(InferenceBackend& backend, const fs::path& path, std::uint32_t sequences) {
  const auto need = backend.memory_needed(
      describe(path).value(), {},
      {.context_tokens = kContext * sequences, .sequences_max = sequences, .batch_tokens = 128});
  return need.value_or(MemoryNeed{});
}

// Many requests at once to two models with room for one. How it failed, 0: it did not.
int share_room(const char* backend_name) {
  const auto backend = std::string(backend_name) == "llama" ? make_llama_backend() : make_native_backend();
  const std::vector<fs::path> paths = {smollm2_gguf(), gemma3_gguf()};
  std::uint64_t budget = 0;
  std::uint64_t both = 0;
  for (const fs::path& path : paths) {
    budget = std::max(budget, need_of(*backend, path, kParallel).total());
    both += need_of(*backend, path, 1).total();
  }
  if (both <= budget) return 2;  // no test of anything
  const std::uint64_t own = resident_bytes();
  const ModelOptions options{
      .backends = {backend_name}, .context_tokens = kContext, .batch_tokens = 128, .parallel = kParallel};
  const auto prompt = [](int i) { return "The number " + std::to_string(i) + " is"; };
  constexpr int kRequests = kSanitized ? 16 : 64;
  std::vector<std::string> texts(kRequests);
  std::atomic<int> failed = 0;
  std::atomic<bool> two_at_once = false;
  Engine engine({.memory_limit_bytes = budget});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kRequests; ++i) {
      threads.emplace_back([&, i] {
        const auto model = engine.open(paths[static_cast<std::size_t>(i) % 2], options);
        const auto answer = model ? (*model)->generate(greedy(prompt(i), 4)) : std::unexpected(model.error());
        if (!answer) {
          std::fprintf(stderr, "%s\n", answer.error().message.c_str());
          ++failed;
          return;
        }
        texts[static_cast<std::size_t>(i)] = answer->text;
        if (std::ranges::count(engine.resident(), false, &ResidentModelInfo::loading) > 1) two_at_once = true;
      });
    }
  }
  const std::uint64_t taken = peak_resident_bytes() - own;
  std::fprintf(stderr, "budget %.1f MB, taken %.1f MB\n", static_cast<double>(budget) / 1e6,
               static_cast<double>(taken) / 1e6);
  if (failed > 0) return 3;
  if (two_at_once) return 4;
  if (!kSanitized && taken > budget + kTolerance) return 5;
  if (std::string(backend_name) == "llama") return 0;
  for (int i = 0; i < kRequests; ++i) {  // on the native backend, alone is as in company
    if (i % 8 > 1) continue;             // each loads the other model
    const auto model = engine.open(paths[static_cast<std::size_t>(i) % 2], options);
    if ((*model)->generate(greedy(prompt(i), 4))->text != texts[static_cast<std::size_t>(i)]) return 6;
  }
  return 0;
}

class SharedRoom : public ::testing::TestWithParam<const char*> {};

TEST_P(SharedRoom, ConcurrentRequestsToTwoModelsWithABudgetForOne) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  MINERVA_NEEDS_MODEL(gemma3_gguf());
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fresh process, not a copy of this one
  EXPECT_EXIT(::_exit(share_room(GetParam())), ::testing::ExitedWithCode(0), "")
      << "2: there is room for both; 3: not all were answered; 4: both were in memory; 5: more than the "
         "budget "
         "was taken; 6: an answer is not that of a lone run";
}

INSTANTIATE_TEST_SUITE_P(Backends, SharedRoom, ::testing::Values("llama", "native"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace minerva
