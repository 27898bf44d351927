// Constraints: compiling them, and the mask of one token, for SmolLM2's vocabulary.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "minerva/model_description.h"
#include "support/paths.h"
#include "support/temp_dir.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

std::shared_ptr<const Tokenizer> smollm2() {
  const auto description = describe(testing::assets() / "SmolLM2-135M-Instruct.Q4_1.gguf");
  return description ? load_tokenizer(*description).value_or(nullptr) : nullptr;
}

// So many named properties, and any others.
OutputConstraint object_of(std::int64_t properties) {
  std::string members;
  for (std::int64_t i = 0; i < properties; ++i)
    members += fmt::format(R"({}"property_number_{}":{{"type":"boolean"}})", i == 0 ? "" : ",", i);
  return {
      .kind = OutputConstraint::Kind::JsonSchema,
      .text = fmt::format(R"({{"type":"object","properties":{{{}}},"additionalProperties":true}})", members)};
}

void grammar_compile(benchmark::State& state) {
  static const auto tokenizer = smollm2();
  if (tokenizer == nullptr) return state.SkipWithError("not there: run tools/setup");
  const auto constraint = object_of(state.range(0));
  auto compiler = make_grammar_compiler(tokenizer, tokenizer->vocabulary_size());
  std::int64_t round = 0;
  for (auto step : state) {
    auto other = constraint;  // none that is kept
    other.text += std::string(static_cast<std::size_t>(++round % 64), ' ');
    benchmark::DoNotOptimize(compiler->compile(other).has_value());
  }
}
BENCHMARK(grammar_compile)->Arg(4)->Arg(80)->Unit(benchmark::kMillisecond)->UseRealTime();

// Within a string that goes on and on.
void grammar_mask(benchmark::State& state) {
  static const auto tokenizer = smollm2();
  if (tokenizer == nullptr) return state.SkipWithError("not there: run tools/setup");
  auto compiler = make_grammar_compiler(tokenizer, tokenizer->vocabulary_size());
  const auto matcher =
      compiler->compile({.kind = OutputConstraint::Kind::JsonSchema, .text = R"({"type":"string"})"})
          .value()
          ->matcher();
  const TokenId quote = tokenizer->encode("\"", {.add_special = false}).value().at(0);
  const TokenId letter = tokenizer->encode("a", {.add_special = false}).value().at(0);
  if (!matcher->accept(quote)) return state.SkipWithError("no string");
  std::vector<std::uint32_t> mask((tokenizer->vocabulary_size() + 31) / 32);
  for (auto step : state)
    if (!matcher->fill_mask(mask) || !matcher->accept(letter)) return state.SkipWithError("refused");
}
BENCHMARK(grammar_mask)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minerva
