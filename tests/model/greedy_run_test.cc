// `minerva run --json --temp 0` against a plain libllama loop on the same ids.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "model/llama_fixture.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using Json = nlohmann::ordered_json;

struct Question {
  const char* name;
  bool gemma;
  const char* prompt;
  bool raw;
};

class GreedyRun : public ::testing::TestWithParam<Question> {};

TEST_P(GreedyRun, EqualsPlainLibllama) {
  const auto model = GetParam().gemma ? gemma3_gguf() : smollm2_gguf();
  MINERVA_NEEDS_MODEL(model);
  constexpr std::size_t kTokens = 16;
  Start start;
  start.arguments = {"run", model.string(), "-p", GetParam().prompt, "-n", std::to_string(kTokens), "--json"};
  start.arguments.insert(start.arguments.end(), {"--temp", "0", "--ignore-eos", "-c", "4096"});
  if (GetParam().raw) start.arguments.emplace_back("--raw");
  const Outcome outcome = run_minerva(start);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  std::vector<TokenId> got;
  for (const Json& token : json["tokens"]) got.push_back(token["id"]);
  const auto prompt = json["prompt_tokens"].get<std::vector<TokenId>>();
  EXPECT_EQ(got, generate_greedy_plain(model, prompt, kTokens)) << json["text"];
}

INSTANTIATE_TEST_SUITE_P(Prompts, GreedyRun,
                         ::testing::Values(Question{"SmolLm2Chat", false, "Why is the sky blue?", false},
                                           Question{"SmolLm2Raw", false, "The capital of France is", true},
                                           Question{"SmolLm2Code", false, "def fibonacci(n):\n", true},
                                           Question{"Gemma3Raw", true, "The capital of France is", true},
                                           Question{"Gemma3Story", true,
                                                    "Once upon a time, in a house by the sea,", true}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva::testing
