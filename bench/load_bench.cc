// From a path to a model that is ready, tokenizer included, with the files in the page cache (SmolLM2 as a
// Hugging Face directory: at most 250 ms).
#include <benchmark/benchmark.h>

#include <filesystem>

#include "conversion/hf_directory.h"
#include "minerva/engine.h"
#include "support/temp_dir.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

// Written once; empty where the model that it is made from is missing.
const fs::path& directory() {
  static const testing::TempDir folder;
  static const bool written = fs::exists(testing::smollm2_gguf()) &&
                              testing::write_hf_directory(testing::smollm2_gguf(), folder.path()).has_value();
  static const fs::path none;
  return written ? folder.path() : none;
}

void load_directory(benchmark::State& state) {
  if (directory().empty()) return state.SkipWithError("model missing: run tools/setup");
  for ([[maybe_unused]] const auto& pass : state) {
    Engine engine;  // each its own: one keeps what it has loaded
    const auto model = engine.open(directory());
    if (!model) return state.SkipWithError(model.error().message.c_str());
  }
}
BENCHMARK(load_directory)->Name("Load/smollm2_bf16")->Unit(benchmark::kMillisecond)->UseRealTime();

void load_tokenizer_alone(benchmark::State& state) {
  if (directory().empty()) return state.SkipWithError("model missing: run tools/setup");
  const auto description = describe(directory());
  for ([[maybe_unused]] const auto& pass : state) {
    const auto tokenizer = load_tokenizer(*description);
    if (!tokenizer) return state.SkipWithError(tokenizer.error().message.c_str());
  }
}
BENCHMARK(load_tokenizer_alone)->Name("Load/smollm2_tokenizer")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace minerva
