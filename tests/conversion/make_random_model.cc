// make_random_model TOKENIZER.gguf OUT [key=value ...]: a Llama-shaped model of random weights with the
// vocabulary of TOKENIZER.gguf, streamed to OUT.
//
// format=gguf|hf  type=f32|f16|bf16|q8_0|q4_0|q4_k  bytes=N or layers=N  hidden=3072  context=8192
// shard_bytes=5000000000  check=1 (compares every byte of OUT, read as the native engine reads it)
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "conversion/random_model.h"

namespace minerva::testing {
namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

std::uint64_t number(const Settings& settings, std::string_view key, std::uint64_t fallback) {
  const auto found = settings.find(key);
  if (found == settings.end()) return fallback;
  std::uint64_t value = fallback;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

std::string word(const Settings& settings, std::string_view key, std::string fallback) {
  const auto found = settings.find(key);
  return found == settings.end() ? fallback : found->second;
}

std::optional<RandomType> type_named(std::string_view name) {
  if (name == "f32") return RandomType::F32;
  if (name == "f16") return RandomType::F16;
  if (name == "bf16") return RandomType::BF16;
  if (name == "q8_0") return RandomType::Q8_0;
  if (name == "q4_0") return RandomType::Q4_0;
  if (name == "q4_k") return RandomType::Q4_K;
  return std::nullopt;
}

Result<void> make(const std::string& tokenizer, const std::string& out, const Settings& settings) {
  const bool hf = word(settings, "format", "gguf") == "hf";
  const auto type = type_named(word(settings, "type", hf ? "bf16" : "f16"));
  if (!type) return invalid_request("no such type", "Choose f32, f16, bf16, q8_0, q4_0 or q4_k.");
  RandomModel model{.hidden = static_cast<std::uint32_t>(number(settings, "hidden", 3072)),
                    .context = static_cast<std::uint32_t>(number(settings, "context", 8192)),
                    .type = *type};
  if (model.hidden == 0 || model.hidden % 256 != 0)
    return invalid_request("hidden is no multiple of 256", "Choose another.");
  MINERVA_ASSIGN(model.vocabulary, vocabulary_size_of(tokenizer));
  model.layers = settings.contains("layers")
                     ? static_cast<std::uint32_t>(number(settings, "layers", 1))
                     : layers_for(model, number(settings, "bytes", std::uint64_t{5'500'000'000}));
  if (settings.contains("check")) {
    MINERVA_ASSIGN(const CheckedModel checked, check_random_model(model, out));
    fmt::print("{} tensors, {} bytes, all as expected; {} tensors reach beyond 4 GiB\n", checked.tensors,
               checked.bytes, checked.beyond_4_gib);
    return {};
  }
  return hf ? write_random_directory(model, tokenizer, out,
                                     number(settings, "shard_bytes", std::uint64_t{5'000'000'000}))
            : write_random_gguf(model, tokenizer, out);
}

}  // namespace
}  // namespace minerva::testing

int main(int argc, char** argv) {
  minerva::testing::Settings settings;
  for (int i = 3; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto equals = argument.find('=');
    settings.emplace(argument.substr(0, equals),
                     equals == std::string_view::npos ? "" : argument.substr(equals + 1));
  }
  if (argc < 3) {
    fmt::print(stderr, "usage: make_random_model TOKENIZER.gguf OUT [key=value ...]\n");
    return 2;
  }
  const auto made = minerva::testing::make(argv[1], argv[2], settings);
  if (made) return 0;
  fmt::print(stderr, "error: {}\n{}\n", made.error().message, made.error().remedy);
  return 1;
}
