// How long it takes to tell what lies at a path (at most 100 us, worst case 1 ms) and to describe it (at most
// 5 ms). Everything is warm: these are the costs of asking again and again, as a server does.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "minerva/model_description.h"
#include "support/gguf_builder.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

fs::path data(const char* name) {
  return testing::test_data() / name;
}

/// A directory with so many names that its listing is cut.
const fs::path& huge_directory() {
  static const testing::TempDir dir;
  static const bool filled = [] {
    for (int i = 0; i < 5000; ++i) dir.write("picture-" + std::to_string(i) + ".png", "");
    return true;
  }();
  benchmark::DoNotOptimize(filled);
  return dir.path();
}

/// What is not there is left out of the list, so that a bench without models still runs.
std::vector<std::pair<std::string, fs::path>> paths() {
  std::vector<std::pair<std::string, fs::path>> all = {
      {"gguf/smollm2", testing::smollm2_gguf()},
      {"gguf/gemma3_262k_tokens", testing::gemma3_gguf()},
      {"hf/minilm", testing::minilm_dir()},
      {"hf/llama", data("models/llama")},
      {"hf/sharded", data("formats/safetensors-sharded")},
      {"hf/mlx", data("formats/mlx-4bit")},
      {"hf/torch_bin", data("formats/bin")},
      {"text/file", data("README.md")},
      {"unknown/directory_of_5000", huge_directory()},
  };
  std::erase_if(all, [](const auto& entry) { return !fs::exists(entry.second); });
  return all;
}

void bench_detect(benchmark::State& state, const fs::path& path) {
  for (auto _ : state) benchmark::DoNotOptimize(detect(path));
}

void bench_describe(benchmark::State& state, const fs::path& path) {
  for (auto _ : state) benchmark::DoNotOptimize(describe(path));
}

const bool kRegistered = [] {
  for (const auto& [name, path] : paths()) {
    benchmark::RegisterBenchmark(("detect/" + name).c_str(), bench_detect, path)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("describe/" + name).c_str(), bench_describe, path)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace minerva
