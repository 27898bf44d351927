// Any bytes as generation_config.json, and a few tokens chosen as it recommends. Nothing may crash, every
// note names the file, and a token is always found.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hf/generation_config.h"
#include "runtime/logit_rules.h"
#include "runtime/sampler.h"

namespace {

using minerva::TokenId;

constexpr std::uint32_t kVocabulary = 32;

void check(bool condition) {
  if (!condition) std::abort();
}

void generate(const minerva::SamplingDefaults& recommended) {
  auto settings = minerva::resolve_sampling({.seed = 1}, recommended, kVocabulary);
  check(settings.has_value());
  if (minerva::LogitRules::asked_for(recommended))
    settings->rules = std::make_shared<minerva::LogitRules>(recommended, std::vector<TokenId>{1, 2});
  constexpr std::array<TokenId, 4> kPrompt = {3, 4, 5, 3};
  constexpr int kTokens = 6;
  minerva::Sampler sampler(*settings);
  sampler.begin(kPrompt, kTokens);
  std::vector<float> logits(kVocabulary);
  for (int step = 0; step < kTokens; ++step) {
    for (std::size_t i = 0; i < logits.size(); ++i)
      logits[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(step) * 5) % 11) - 5;
    const auto id = sampler.sample(logits);
    check(id && *id >= 0 && *id < static_cast<TokenId>(kVocabulary));
    sampler.accept(*id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = minerva::HfConfig::parse(text, "generation_config.json");
  if (!file) return 0;
  for (const std::uint32_t vocabulary : {kVocabulary, 0U}) {
    const auto config = minerva::hf::read_generation_config(*file, vocabulary, {2});
    for (const TokenId id : config.eos_token_ids) check(id >= 0);
    for (const std::string& note : config.notes)
      check(note.starts_with("'generation_config.json'") && note.size() < 1500);
    generate(config.sampling);
  }
  return 0;
}
