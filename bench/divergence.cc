// How far fast arithmetic strays from exact on a GGUF file, ours and llama.cpp's:
//   build/release/bin/minerva_divergence MODEL.gguf TEXT_FILE [TOKENS]
#include "model/divergence.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "backends/llama/llama_backend.h"
#include "backends/native/native_backend.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

Result<void> run(const char* path, const char* text_file, std::size_t tokens) {
  MINERVA_ASSIGN(const ModelDescription description, describe(path));
  MINERVA_ASSIGN(const auto tokenizer, load_tokenizer(description));
  std::ifstream in(text_file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  MINERVA_ASSIGN(auto ids, tokenizer->encode(text, {.add_special = true}));
  if (ids.size() > tokens) ids.resize(tokens);

  const auto native = make_native_backend();
  MINERVA_ASSIGN(const auto exact, native->load(description, {.numeric_mode = NumericMode::Exact}, {}));
  MINERVA_ASSIGN(const auto fast, native->load(description, {.numeric_mode = NumericMode::Fast}, {}));
  MINERVA_ASSIGN(const auto llama, make_llama_backend()->load(description, {}, {}));
  MINERVA_ASSIGN(const auto measured, testing::measure_divergence(*exact, {fast.get(), llama.get()}, ids));
  fmt::print("{} tokens of {}\n", ids.size(), text_file);
  constexpr const char* kNames[] = {"native fast", "llama.cpp"};
  for (std::size_t i = 0; i < measured.size(); ++i) {
    fmt::print("{:12}  KL from native exact {:.6f}  same best token {:.2f} %\n", kNames[i], measured[i].kl,
               100 * measured[i].top1);
  }
  return {};
}

}  // namespace
}  // namespace minerva

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: minerva_divergence MODEL.gguf TEXT_FILE [TOKENS]\n");
    return 2;
  }
  const auto tokens = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2048;
  const auto result = minerva::run(argv[1], argv[2], tokens);
  if (result) return 0;
  fmt::print(stderr, "{}\n{}\n", result.error().message, result.error().remedy);
  return 1;
}
