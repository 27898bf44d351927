// Tokenizers: loading tokenizer.json, encoding and decoding the project's own Markdown on one thread. The
// real ones come from tools/fetch-tokenizers; without them only the small one of a reference model is
// measured.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "text/tokenizer/tokenizer_json.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

fs::path tokenizer_file(const std::string& name) {
  if (name == "reference") return testing::test_data() / "models/llama3-rope/tokenizer.json";
  return testing::assets().parent_path() / "tokenizers" / name / "tokenizer.json";
}

/// About 1 MB of English Markdown: the pages of this repository, over and over.
const std::string& markdown() {
  static const std::string text = [] {
    constexpr std::size_t kBytes = 1'000'000;
    std::string pages;
    const fs::path root = testing::source_root();
    for (const fs::path& folder : {root, root / "docs"}) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() != ".md") continue;
        std::ifstream in(entry.path(), std::ios::binary);
        pages.append(std::istreambuf_iterator<char>(in), {});
      }
    }
    if (pages.empty()) pages = "Minerva runs language models on this machine. ";
    std::string repeated;
    while (repeated.size() < kBytes) repeated += pages;
    return repeated;
  }();
  return text;
}

void load(benchmark::State& state, const std::string& name) {
  const fs::path file = tokenizer_file(name);
  if (!fs::exists(file)) return state.SkipWithError("not there: run tools/fetch-tokenizers");
  for (auto step : state) {
    const auto tokenizer = load_tokenizer_json(file);
    if (!tokenizer) return state.SkipWithError(tokenizer.error().message.c_str());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * fs::file_size(file)));
}

void encode(benchmark::State& state, const std::string& name) {
  const auto tokenizer = load_tokenizer_json(tokenizer_file(name));
  if (!tokenizer) return state.SkipWithError("not there: run tools/fetch-tokenizers");
  for (auto step : state) benchmark::DoNotOptimize((*tokenizer)->encode(markdown(), {}));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * markdown().size()));
}

void decode(benchmark::State& state, const std::string& name) {
  const auto tokenizer = load_tokenizer_json(tokenizer_file(name));
  if (!tokenizer) return state.SkipWithError("not there: run tools/fetch-tokenizers");
  const auto ids = (*tokenizer)->encode(markdown(), {}).value();
  for (auto step : state) benchmark::DoNotOptimize((*tokenizer)->decode(ids, false));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * markdown().size()));
}

const int kRegistered = [] {
  for (const std::string name : {"llama3", "qwen3", "gptoss", "gemma3", "llama2", "reference"}) {
    benchmark::RegisterBenchmark(("tokenizer/load/" + name).c_str(), load, name)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("tokenizer/encode/" + name).c_str(), encode, name)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("tokenizer/decode/" + name).c_str(), decode, name)
        ->Unit(benchmark::kMillisecond);
  }
  return 0;
}();

}  // namespace
}  // namespace minerva
