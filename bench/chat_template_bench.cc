// Chat templates: parsing with the trial renderings, and one rendering of a short conversation.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "formats/gguf/file.h"
#include "support/paths.h"
#include "support/temp_dir.h"
#include "text/chat_template/chat_template.h"

namespace minerva {
namespace {

/// The default model's, or one of llama.cpp's.
std::string source_of(const std::string& name) {
  if (name == "default") {
    const auto file = gguf::File::open(testing::smollm2_gguf());
    if (!file) return "";
    const auto source = file->metadata().get_string("tokenizer.chat_template");
    return source && *source ? std::string(**source) : "";
  }
  std::ifstream file(testing::llama_source() / "models/templates" / (name + ".jinja"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void BM_Parse(benchmark::State& state, const std::string& name) {
  const std::string source = source_of(name);
  if (source.empty()) return state.SkipWithError("there is no such template");
  for (auto _ : state) benchmark::DoNotOptimize(ChatTemplate::parse(source, {{"bos_token", "<s>"}}));
}

void BM_Render(benchmark::State& state, const std::string& name) {
  const auto chat_template = ChatTemplate::parse(source_of(name), {{"bos_token", "<s>"}});
  if (!chat_template) return state.SkipWithError("the template does not parse");
  const std::vector<ChatMessage> messages = {
      {"system", "Be brief."}, {"user", "What is 1 + 1?"}, {"assistant", "2"}, {"user", "And 2 + 2?"}};
  for (auto _ : state) benchmark::DoNotOptimize((*chat_template)->render(messages, true));
}

BENCHMARK_CAPTURE(BM_Parse, default, std::string("default"))->Name("chat_template/parse/default");
BENCHMARK_CAPTURE(BM_Parse, qwen3, std::string("Qwen-Qwen3-0.6B"))->Name("chat_template/parse/qwen3");
BENCHMARK_CAPTURE(BM_Parse, gpt_oss, std::string("openai-gpt-oss-120b"))->Name("chat_template/parse/gpt-oss");
BENCHMARK_CAPTURE(BM_Render, default, std::string("default"))->Name("chat_template/render/default");
BENCHMARK_CAPTURE(BM_Render, qwen3, std::string("Qwen-Qwen3-0.6B"))->Name("chat_template/render/qwen3");
BENCHMARK_CAPTURE(BM_Render, gpt_oss, std::string("openai-gpt-oss-120b"))
    ->Name("chat_template/render/gpt-oss");

}  // namespace
}  // namespace minerva
