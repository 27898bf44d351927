// What a model's files recommend for a generation: whole answers on both backends, and what does not count.
// The expectations were made by tests/data/make_recommendations.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "minerva/engine.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<json> lines(const char* name) {
  std::ifstream file(testing::test_data() / "recommendations" / name);
  std::vector<json> all;
  for (std::string line; std::getline(file, line);) all.push_back(json::parse(line));
  return all;
}

// The llama of tests/data with a generation_config.json of its own.
class RecommendingModel {
 public:
  explicit RecommendingModel(const std::string& generation_config) {
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"})
      fs::copy_file(testing::test_data() / "models/llama" / name, folder_.path() / name);
    folder_.write("generation_config.json", generation_config);
  }
  std::shared_ptr<LoadedModel> open(const std::string& backend) {
    const auto model = engine_.open(folder_.path(), {.backends = {backend}, .numeric_mode = mode(backend)});
    EXPECT_TRUE(model) << model.error().message;
    return model ? *model : nullptr;
  }

 private:
  static NumericMode mode(const std::string& backend) {
    return backend == "native" ? NumericMode::Exact : NumericMode::Default;
  }
  testing::TempDir folder_;
  testing::TempDir cache_;
  Engine engine_{{.cache_folder = cache_.path()}};
};

GenerationRequest request(std::optional<std::uint32_t> max_tokens = {}) {
  return {.prompt = "The quick brown fox", .max_tokens = max_tokens};
}

std::vector<TokenId> ids(const Result<Generation>& generation) {
  std::vector<TokenId> out;
  EXPECT_TRUE(generation) << generation.error().message;
  if (!generation) return out;
  for (const GeneratedToken& token : generation->tokens) out.push_back(token.id);
  return out;
}

TEST(Recommendations, WholeAnswersAreThoseOfTransformersOnBothBackends) {
  const auto answers = lines("answers.jsonl");
  ASSERT_GT(answers.size(), 20U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const json& answer = answers[i];
    RecommendingModel files(answer["config"].dump());
    for (const char* backend : {"native", "llama"}) {
      // What is applied is the same for both: a third of them on the one that has to convert.
      if (backend == std::string("llama") && i % 3 != 1) continue;
      const auto model = files.open(backend);
      ASSERT_NE(model, nullptr);
      auto expected = answer["tokens"].get<std::vector<TokenId>>();
      const bool ended = expected.back() == 2;
      if (ended) expected.pop_back();  // an answer goes without the token that ends it
      GenerationRequest asked = request();
      if (answer["asked"].is_number()) asked.max_tokens = answer["asked"].get<std::uint32_t>();
      const auto generation = model->generate(asked);
      EXPECT_EQ(ids(generation), expected) << backend << answer["config"];
      ASSERT_TRUE(generation);
      EXPECT_EQ(generation->finish_reason, ended ? FinishReason::Stop : FinishReason::Length);
    }
  }
}

TEST(Recommendations, TheRequestsOwnOptionsWin) {
  RecommendingModel files(R"({"do_sample":false,"max_new_tokens":4,"no_repeat_ngram_size":1,
                             "suppress_tokens":[175],"stop_strings":["zzz"]})");
  const auto model = files.open("native");
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(ids(model->generate(request())), SizeIs(4));
  EXPECT_THAT(ids(model->generate(request(6))), SizeIs(6));
  GenerationRequest unlimited = request(kUnlimitedTokens);
  unlimited.ignore_eos = true;
  EXPECT_GT(ids(model->generate(unlimited)).size(), 100U);  // the context is full
  GenerationRequest demanding = request(3);
  demanding.sampling.logit_bias = {{175, kInf}};
  demanding.sampling.no_repeat_ngram_size = 0;
  EXPECT_THAT(ids(model->generate(demanding)), ElementsAre(175, 175, 175));
  GenerationRequest plain = request(10);
  plain.ignore_recommendations = true;
  plain.sampling.temperature = 0.0F;
  EXPECT_THAT(ids(model->generate(plain)), ElementsAre(175, 394, 227, 377, 341, 321, 341, 321, 341, 321));
}

TEST(Recommendations, StopStringsAndTimeEndAnAnswer) {
  RecommendingModel plain(R"({"do_sample":false})");
  const auto whole = plain.open("native")->generate(request(10));
  ASSERT_TRUE(whole);
  const std::string word = whole->tokens[3].text;
  ASSERT_FALSE(word.empty());
  RecommendingModel files(json{{"do_sample", false}, {"stop_strings", word}}.dump());
  const auto stopped = files.open("native")->generate(request(10));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->finish_reason, FinishReason::Stop);
  EXPECT_EQ(stopped->text, whole->text.substr(0, whole->text.find(word)));
  RecommendingModel hasty(R"({"do_sample":false,"max_time":1e-9})");
  const auto cut = hasty.open("native")->generate(request(10));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->finish_reason, FinishReason::Length);
  EXPECT_THAT(cut->tokens, SizeIs(1));
}

// A recommendation never stops an answer: where it would leave nothing, it does not count.
TEST(Recommendations, WhatLeavesNothingDoesNotCount) {
  std::vector<int> all(512);
  for (int i = 0; i < 512; ++i) all[static_cast<std::size_t>(i)] = i;
  RecommendingModel files(json{{"do_sample", false}, {"suppress_tokens", all}}.dump());
  EXPECT_THAT(ids(files.open("native")->generate(request(2))), ElementsAre(175, 394));
  RecommendingModel once(R"({"do_sample":false,"no_repeat_ngram_size":1,"forced_eos_token_id":2})");
  GenerationRequest digits = request(12);
  digits.constraint = {.kind = OutputConstraint::Kind::Regex, .text = "a{8}"};
  const auto constrained = once.open("native")->generate(digits);
  ASSERT_TRUE(constrained) << constrained.error().message;
  EXPECT_EQ(constrained->text, "aaaaaaaa");
}

TEST(Recommendations, ADamagedFileStopsNothing) {
  for (const char* damaged : {"{", "", "[]", R"({"eos_token_id":"x","temperature":NaN,"top_k":"many"})"}) {
    RecommendingModel files(damaged);
    const auto model = files.open("native");
    ASSERT_NE(model, nullptr) << damaged;
    EXPECT_FALSE(model->description().notes.empty()) << damaged;
    GenerationRequest greedy = request(3);
    greedy.sampling.temperature = 0.0F;
    EXPECT_THAT(ids(model->generate(greedy)), ElementsAre(175, 394, 227)) << damaged;
  }
}

}  // namespace
}  // namespace minerva
