// llama.cpp on our conversions: the greedy ids and logits that transformers computes from the directories.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "convert/converted.h"
#include "convert/llama_runner.h"
#include "model/llama_fixture.h"
#include "native/test_support.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace testing;

// A step whose margin (see tests/data/README.md) is below this tests rounding, not the model.
constexpr double kTie = 2e-3;

struct GreedyCase {
  const char* model;
  float tolerance;  ///< of the prompt's last logits
};
std::ostream& operator<<(std::ostream& out, const GreedyCase& c) {
  return out << c.model;
}

class ConvertedGreedyTest : public ::testing::TestWithParam<GreedyCase> {};

INSTANTIATE_TEST_SUITE_P(
    Models, ConvertedGreedyTest,
    ::testing::Values(GreedyCase{"llama", 2e-4F}, GreedyCase{"llama-linear-rope", 2e-4F},
                      GreedyCase{"llama-tied-gqa-headdim", 2e-4F}, GreedyCase{"llama-yarn", 2e-4F},
                      GreedyCase{"llama3-rope", 2e-4F}, GreedyCase{"mistral-full", 2e-4F},
                      GreedyCase{"qwen2", 2e-4F}, GreedyCase{"qwen3", 2e-4F}, GreedyCase{"gemma", 2e-2F},
                      GreedyCase{"gemma2-default", 2e-2F}, GreedyCase{"gemma3_text", 2e-2F},
                      GreedyCase{"phi3-full", 2e-4F}, GreedyCase{"arcee", 2e-4F},
                      GreedyCase{"gpt_bigcode", 2e-2F},
                      // how weights are stored: FP8, MLX, shards, .bin with views
                      GreedyCase{"fp8-block", 2e-4F}, GreedyCase{"mlx-4bit", 2e-4F},
                      GreedyCase{"mlx-4bit-qwen3", 2e-4F}, GreedyCase{"mlx-4bit-tied", 2e-4F},
                      GreedyCase{"mlx-mxfp4", 2e-4F}, GreedyCase{"mlx-8bit", 2e-4F},
                      GreedyCase{"mlx-4bit-gemma3", 2e-2F}, GreedyCase{"bin-sharded", 2e-4F},
                      GreedyCase{"bin-views-f32", 2e-4F}, GreedyCase{"safetensors-sharded", 2e-4F},
                      GreedyCase{"safetensors-float16", 2e-4F}),
    [](const auto& test) {
      std::string name = test.param.model;
      std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

TEST_P(ConvertedGreedyTest, EqualsTransformers) {
  const TempDir folder;
  const fs::path directory = test_model(GetParam().model);
  const auto path = convert_into(
      folder, directory, {.type = convert::WeightType::F32, .tokenizer = convert::TokenizerUse::IfPossible});
  LlamaRunner llama(path);
  ASSERT_TRUE(llama.loaded());
  const json expected = read_json(directory / "expected.json");
  const auto logits = native::testing::reference_logits(directory / "expected.safetensors");
  const std::size_t vocabulary = llama.vocabulary_size();
  for (const json& c : expected["cases"]) {
    const auto prompt = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    const auto row = c["logits_row"].get<std::size_t>() * vocabulary;
    ASSERT_LE(row + vocabulary, logits.size());
    const auto last = llama.start(prompt);
    EXPECT_LE(max_difference(last, std::span(logits).subspan(row, vocabulary)), GetParam().tolerance)
        << c["prompt"];
    const auto got = llama.greedy(prompt, greedy.size());
    for (std::size_t i = 0; i < greedy.size(); ++i) {
      if (c.contains("margins") && c["margins"][i].get<double>() < kTie) break;
      ASSERT_EQ(got.at(i), greedy[i]) << c["prompt"] << " step " << i;
    }
  }
}

TEST(ConvertedSmolLm2, EqualsTransformersInItsStoredType) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  const TempDir folder;
  const auto path = convert_into(folder, smollm2_directory(), {});
  LlamaRunner llama(path);
  ASSERT_TRUE(llama.loaded());
  for (const json& c : read_json(fs::path(MINERVA_TEST_DATA) / "smollm2" / "expected.json")) {
    const auto prompt = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(llama.tokenize(c["text"].get<std::string>(), true), prompt) << c["prompt"];
    const auto got = llama.greedy(prompt, greedy.size());
    for (std::size_t i = 0; i < greedy.size(); ++i) {
      // llama.cpp multiplies BF16 weights with activations rounded to BF16.
      if (c["margins"][i].get<double>() < 0.05) break;
      ASSERT_EQ(got.at(i), greedy[i]) << c["prompt"] << " step " << i;
    }
  }
}

}  // namespace
}  // namespace minerva
