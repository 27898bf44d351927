// llama.cpp on our conversions: the greedy ids and logits that transformers computes from the directories.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "convert/converted.h"
#include "convert/llama_runner.h"
#include "model/llama_fixture.h"
#include "native/test_support.h"
#include "support/paths.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace testing;

// A step whose margin (see tests/data/README.md) is below this tests rounding, not the model.
constexpr double kTie = 2e-3;
// Differences of logits: of summing in another order, and where llama.cpp looks GELU up in a table of halves.
constexpr float kSame = 1e-4F;
constexpr float kGelu = 3e-3F;

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
    ::testing::Values(GreedyCase{"llama", kSame}, GreedyCase{"llama-linear-rope", kSame},
                      GreedyCase{"llama-tied-gqa-headdim", kSame}, GreedyCase{"llama-yarn", kSame},
                      GreedyCase{"llama3-rope", kSame}, GreedyCase{"mistral-full", kSame},
                      GreedyCase{"qwen2", kSame}, GreedyCase{"qwen3", kSame}, GreedyCase{"gemma", kGelu},
                      GreedyCase{"gemma2-default", kGelu}, GreedyCase{"gemma3_text", kGelu},
                      GreedyCase{"phi3-full", kSame}, GreedyCase{"arcee", kSame},
                      GreedyCase{"gpt_bigcode", kGelu},
                      // how weights are stored: FP8, MLX, shards, .bin with views
                      GreedyCase{"fp8-block", kSame}, GreedyCase{"mlx-4bit", kSame},
                      GreedyCase{"mlx-4bit-qwen3", kSame}, GreedyCase{"mlx-4bit-tied", kSame},
                      GreedyCase{"mlx-mxfp4", kSame}, GreedyCase{"mlx-8bit", kSame},
                      GreedyCase{"mlx-4bit-gemma3", kGelu}, GreedyCase{"bin-sharded", kSame},
                      GreedyCase{"bin-views-f32", kSame}, GreedyCase{"safetensors-sharded", kSame},
                      GreedyCase{"safetensors-float16", kSame}),
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
  EXPECT_NE(load_llama(path), nullptr) << "our own checks refuse it";
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

// ---- what no reference model has: against the native engine in exact arithmetic, which is held to
// transformers

struct VariantCase {
  const char* what;
  const char* model;
  json change;  ///< of config.json
};
std::ostream& operator<<(std::ostream& out, const VariantCase& c) {
  return out << c.what;
}

std::vector<VariantCase> variants() {
  const auto yarn = [](json more) {
    json parameters = {{"rope_type", "yarn"},
                       {"factor", 4.0},
                       {"rope_theta", 1e4},
                       {"original_max_position_embeddings", 64}};
    parameters.update(more);
    return json{{"rope_parameters", parameters}};
  };
  const auto linear = [](double theta) {
    return json{{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.5}, {"rope_theta", theta}}}};
  };
  const auto theta = [](double base) {
    return json{{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", base}}}};
  };
  const auto layers = [](std::vector<const char*> kinds) {
    json types = json::array();
    for (const char* kind : kinds) types.push_back(std::string(kind) + "_attention");
    return json{{"layer_types", types}};
  };
  json two_bases = layers({"full", "sliding", "full", "full", "sliding", "sliding", "full"});
  two_bases["rope_parameters"] = {
      {"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 5e5}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 5e3}}}};
  json old_names = {{"rope_parameters", nullptr},
                    {"rope_theta", 5e4},
                    {"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}};
  return {
      {"llama_yarn_factor", "llama", yarn({{"attention_factor", 1.3}})},
      {"llama_yarn_mscale", "llama", yarn({{"mscale", 0.7}, {"mscale_all_dim", 1.2}})},
      {"llama_linear", "llama", linear(12345)},
      {"llama_epsilon", "llama", {{"rms_norm_eps", 0.1}}},
      {"llama_old_names", "llama", old_names},
      {"mistral_llama3",
       "mistral-full",
       {{"rope_parameters",
         {{"rope_type", "llama3"},
          {"factor", 8.0},
          {"rope_theta", 1e4},
          {"low_freq_factor", 1.0},
          {"high_freq_factor", 4.0},
          {"original_max_position_embeddings", 64}}}}},
      {"qwen2_linear", "qwen2", linear(1e6)},
      {"qwen3_yarn", "qwen3", yarn(json::object())},
      {"gemma_theta", "gemma", theta(5e4)},
      {"gemma_linear", "gemma", linear(1e4)},
      {"qwen2_yarn", "qwen2", yarn(json::object())},
      {"mistral_yarn", "mistral-full", yarn({{"factor", 3.0}})},
      {"gemma2_linear", "gemma2-default", linear(1e4)},
      {"gemma2_theta", "gemma2-default", theta(5e4)},
      {"gemma2_caps", "gemma2-default", {{"attn_logit_softcapping", 5.0}, {"final_logit_softcapping", 3.0}}},
      {"gemma2_layers", "gemma2-default", layers({"full", "sliding", "full", "full"})},
      {"gemma3_no_windows", "gemma3_text", layers({"full", "full", "full", "full", "full", "full", "full"})},
      {"gemma3_two_bases", "gemma3_text", two_bases},
      {"gemma3_cap", "gemma3_text", {{"final_logit_softcapping", 3.0}}},
      {"gemma3_wide_window", "gemma3_text", {{"sliding_window", 1000}}},
      {"phi3_partial",
       "phi3-full",
       {{"rope_parameters",
         {{"rope_type", "default"}, {"rope_theta", 1e4}, {"partial_rotary_factor", 0.5}}}}},
  };
}

class ConvertedVariantTest : public ::testing::TestWithParam<VariantCase> {};
INSTANTIATE_TEST_SUITE_P(Cases, ConvertedVariantTest, ::testing::ValuesIn(variants()),
                         [](const auto& test) { return std::string(test.param.what); });

TEST_P(ConvertedVariantTest, EqualsTheNativeEngine) {
  const ModelCopy copy(GetParam().model);
  copy.patch(GetParam().change);
  const auto native = native::testing::load_model(copy.path());
  ASSERT_TRUE(native) << native.error().message;
  native::testing::Runner runner(**native, NumericMode::Exact);
  const TempDir folder;
  const auto path =
      convert_into(folder, copy.path(),
                   {.type = convert::WeightType::F32, .tokenizer = convert::TokenizerUse::IfPossible});
  LlamaRunner llama(path);
  ASSERT_TRUE(llama.loaded());
  const bool approximates_gelu = std::string_view(GetParam().model).starts_with("gemma");
  const float tolerance = approximates_gelu ? kGelu : kSame;
  const json expected = read_json(copy.path() / "expected.json");
  for (const json& c : expected["cases"]) {
    const auto prompt = c["prompt_ids"].get<std::vector<TokenId>>();
    const auto sequence = runner.begin(prompt.size());
    EXPECT_LE(max_difference(llama.start(prompt), runner.decode(*sequence, prompt)), tolerance)
        << c["prompt"];
  }
}

// ---- the types that weights can have

TEST(ConvertedTypes, AreCloseToTheReference) {
  const std::map<convert::WeightType, float> tolerances = {{convert::WeightType::Stored, 0.1F},
                                                           {convert::WeightType::F16, 0.02F},
                                                           {convert::WeightType::BF16, 0.1F},
                                                           {convert::WeightType::Q8_0, 0.3F}};
  for (const char* name : {"llama-tied-gqa-headdim", "gpt_bigcode", "gemma3_text"}) {
    const fs::path directory = test_model(name);
    const auto logits = native::testing::reference_logits(directory / "expected.safetensors");
    const auto prompt =
        read_json(directory / "expected.json")["cases"][0]["prompt_ids"].get<std::vector<TokenId>>();
    for (const auto& [type, tolerance] : tolerances) {
      const TempDir folder;
      LlamaRunner llama(
          convert_into(folder, directory, {.type = type, .tokenizer = convert::TokenizerUse::IfPossible}));
      ASSERT_TRUE(llama.loaded());
      const auto last = llama.start(prompt);
      EXPECT_LE(max_difference(last, std::span(logits).first(last.size())), tolerance)
          << name << " type " << static_cast<int>(type);
    }
  }
}

// Without a vocabulary a model runs with ids; whoever has the directory has its tokenizer.
TEST(ConvertedWithoutTokenizer, RunsOnTheBackend) {
  const TempDir folder;
  const fs::path directory = test_model("gemma");
  const auto path = convert_into(folder, directory, {.tokenizer = convert::TokenizerUse::IfPossible});
  const auto model = load_llama(path);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->vocabulary(), nullptr);
  EXPECT_EQ(model->info().vocabulary_size, 512U);
  const auto context = model->new_context({.context_tokens = 64, .threads = 1});
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(decode_all(**context, std::vector<TokenId>{1, 2, 3}).size(), 512U);
}

TEST(ConvertedSmolLm2, EqualsTransformersInItsStoredType) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  const TempDir folder;
  const auto path = convert_into(folder, smollm2_directory(), {});
  LlamaRunner llama(path);
  ASSERT_TRUE(llama.loaded());
  for (const json& c : read_json(test_data() / "smollm2" / "expected.json")) {
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
