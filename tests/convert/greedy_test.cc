// llama.cpp on our conversions: the greedy ids and logits that transformers computes from the directories.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "convert/converted.h"
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
      folder, directory,
      {.type = convert::WeightType::F32, .tokenizer = convert::TokenizerUse::IfPossible});
  const auto model = load_llama(path);
  ASSERT_NE(model, nullptr);
  const json expected = read_json(directory / "expected.json");
  const auto logits = native::testing::reference_logits(directory / "expected.safetensors");
  const std::size_t vocabulary = model->info().vocabulary_size;
  auto context = model->new_context({.context_tokens = 512, .threads = 1});
  ASSERT_TRUE(context) << context.error().message;
  for (const json& c : expected["cases"]) {
    const auto prompt = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto greedy = c["greedy_ids"].get<std::vector<TokenId>>();
    (*context)->release(0);
    const auto last = decode_all(**context, prompt);
    ASSERT_EQ(last.size(), vocabulary);
    const auto row = c["logits_row"].get<std::size_t>() * vocabulary;
    ASSERT_LE(row + vocabulary, logits.size());
    EXPECT_LE(max_difference(last, std::span(logits).subspan(row, vocabulary)), GetParam().tolerance)
        << c["prompt"];
    (*context)->release(0);
    const auto got = generate_greedy(**context, prompt, greedy.size());
    for (std::size_t i = 0; i < greedy.size(); ++i) {
      if (c.contains("margins") && c["margins"][i].get<double>() < kTie) break;
      ASSERT_EQ(got.at(i), greedy[i]) << c["prompt"] << " step " << i;
    }
  }
}

}  // namespace
}  // namespace minerva
