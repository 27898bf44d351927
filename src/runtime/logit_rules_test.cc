// Each step as transformers computes it. The expectations were made by tests/data/make_recommendations.py.
#include "runtime/logit_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/hf/generation_config.h"
#include "runtime/candidates.h"
#include "runtime/sampler.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

constexpr float kInf = std::numeric_limits<float>::infinity();

hf::GenerationConfig read(const json& config, std::uint32_t vocabulary) {
  const testing::TempDir dir;
  dir.write("generation_config.json", config.dump());
  return hf::read_generation_config(dir.path(), HfConfig::parse("{}", "config.json").value(), vocabulary,
                                    {1, 2});
}

// null: -infinity.
std::vector<float> floats(const json& list) {
  std::vector<float> out;
  for (const json& each : list) {
    out.push_back(each.is_null()     ? -kInf
                  : each.is_string() ? std::numeric_limits<float>::quiet_NaN()
                                     : each.get<float>());
  }
  return out;
}

// A request's settings with nothing of our own in them, after the step's prompt and answer.
Sampler sampler_for(const json& step, const SamplingDefaults& recommended, std::size_t vocabulary) {
  SamplingOptions none;
  if (!recommended.temperature) none.temperature = 1.0F;
  if (!recommended.top_p) none.top_p = 1.0F;
  if (!recommended.min_p) none.min_p = 0.0F;
  none.seed = 1;
  SamplingSettings settings = resolve_sampling(none, recommended, vocabulary).value();
  if (LogitRules::asked_for(recommended))
    settings.rules = std::make_shared<LogitRules>(recommended, std::vector<TokenId>{1, 2});
  Sampler sampler(settings);
  sampler.begin(step["prompt"].get<std::vector<TokenId>>(), step["max_new_tokens"].get<std::size_t>());
  for (const TokenId id : step["answer"]) sampler.accept(id);
  return sampler;
}

TEST(LogitRules, EachStepIsThatOfTransformers) {
  std::ifstream file(testing::test_data() / "recommendations" / "processors.jsonl");
  int steps = 0;
  for (std::string line; std::getline(file, line); ++steps) {
    const json step = json::parse(line);
    const auto logits = floats(step["logits"]);
    const auto config = read(step["config"], static_cast<std::uint32_t>(logits.size()));
    EXPECT_THAT(config.notes, IsEmpty()) << step["config"];
    Sampler sampler = sampler_for(step, config.sampling, logits.size());
    const auto adjusted = sampler.adjusted(logits);
    if (step.contains("scores")) {
      const auto expected = floats(step["scores"]);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isinf(expected[i]) || std::isnan(expected[i]))
          EXPECT_TRUE(adjusted[i] == expected[i] || std::isnan(expected[i])) << step << " at " << i;
        else
          EXPECT_NEAR(adjusted[i], expected[i], 1e-5F * std::max(1.0F, std::abs(expected[i])))
              << step << " at " << i;
      }
      continue;
    }
    Candidates candidates;
    for (std::size_t i = 0; i < logits.size(); ++i)
      if (adjusted[i] > -kInf) candidates.add(static_cast<TokenId>(i), adjusted[i]);
    candidates.narrow(sampler.settings());
    auto kept = candidates.ids();
    std::ranges::sort(kept);
    EXPECT_EQ(kept, step["kept"].get<std::vector<TokenId>>()) << step;
  }
  EXPECT_GT(steps, 150);
}

// A file of strangers: ids outside the vocabulary, and as many as a field may have.
TEST(LogitRules, PassOverIdsOutsideTheVocabulary) {
  const SamplingDefaults recommended{.sequence_bias = {{{90}, 1.0F}, {{1, 90}, 1.0F}, {{90, 2}, 1.0F}},
                                     .suppress_tokens = {7, 3, 2'147'483'647},
                                     .begin_suppress_tokens = {8},
                                     .forced_eos_token_ids = {99}};
  const LogitRules rules(recommended, {5, 50});
  TokenHistory history{.tokens = {1}, .prompt_size = 1, .length_max = 9, .prompt_ids = {1, 60}};
  std::vector<float> logits = {1, 2, 3, 4};
  rules.bias(history, logits);
  rules.restrict(history, logits);
  EXPECT_EQ(logits, (std::vector<float>{1, 2, 3, -kInf}));
}

TEST(LogitRules, RepeatedTokensAreSeenAtEveryLength) {
  const std::vector<TokenId> tokens = {1, 2, 1, 2, 1};
  const auto banned = [&](int size) {
    std::vector<float> logits(4, 0.0F);
    ban_repeated_ngrams(tokens, tokens, size, logits);
    std::vector<TokenId> ids;
    for (TokenId id = 0; id < 4; ++id)
      if (std::isinf(logits[static_cast<std::size_t>(id)])) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(banned(1), (std::vector<TokenId>{1, 2}));
  for (const int size : {2, 3, 4}) EXPECT_EQ(banned(size), (std::vector<TokenId>{2})) << size;
  for (const int size : {5, 6, 256}) EXPECT_THAT(banned(size), IsEmpty()) << size;
}

}  // namespace
}  // namespace minerva
