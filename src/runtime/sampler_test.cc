#include "runtime/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>

namespace minerva {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Everything off: the plain softmax.
SamplingSettings plain(std::uint64_t seed = 1) {
  SamplingSettings s;
  s.temperature = 1;
  s.top_k = 0;
  s.top_p = 1;
  s.min_p = 0;
  s.seed = seed;
  return s;
}

std::vector<float> logs(std::vector<float> probabilities) {
  for (float& p : probabilities) p = std::log(p);
  return probabilities;
}

std::set<TokenId> support(const SamplingSettings& settings, const std::vector<float>& logits,
                          int draws = 2000) {
  Sampler sampler(settings);
  std::set<TokenId> seen;
  for (int i = 0; i < draws; ++i) seen.insert(sampler.sample(logits).value());
  return seen;
}

TEST(SamplerTest, GreedyTakesTheBestAndTheFirstOfEquals) {
  SamplingSettings s = plain();
  s.temperature = 0;
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{1, 3, 2}).value(), 1);
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{3, 1, 3}).value(), 0);
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{kNan, -5, kNan}).value(), 1);
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{-kInf, -kInf, -1e30F}).value(), 2);
}

TEST(SamplerTest, NoUsableLogitIsAnError) {
  for (const float temperature : {0.0F, 1.0F}) {
    SamplingSettings s = plain();
    s.temperature = temperature;
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{kNan, kNan}).error().code, ErrorCode::ModelLoading);
    EXPECT_EQ(Sampler(s).sample(std::vector<float>{-kInf, -kInf}).error().code, ErrorCode::ModelLoading);
    EXPECT_FALSE(Sampler(s).sample({}).has_value());
  }
}

TEST(SamplerTest, DrawsFollowTheProbabilities) {
  const std::vector<float> probabilities = {0.5F, 0.3F, 0.15F, 0.05F};
  const auto logits = logs(probabilities);
  Sampler sampler(plain(7));
  std::map<TokenId, int> counts;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) ++counts[sampler.sample(logits).value()];
  for (TokenId id = 0; id < 4; ++id) {
    const double p = probabilities[static_cast<std::size_t>(id)];
    EXPECT_NEAR(counts[id] / double{kDraws}, p, 5 * std::sqrt(p * (1 - p) / kDraws)) << id;
  }
}

TEST(SamplerTest, TemperatureSharpensAndFlattens) {
  const auto logits = logs({0.8F, 0.2F});
  const auto share = [&](float temperature) {
    SamplingSettings s = plain(3);
    s.temperature = temperature;
    Sampler sampler(s);
    int second = 0;
    for (int i = 0; i < 20'000; ++i) second += sampler.sample(logits).value();
    return second / 20'000.0;
  };
  EXPECT_NEAR(share(0.5F), 1.0 / 17, 0.01);  // (1/4)^2 : 1
  EXPECT_NEAR(share(2.0F), 1.0 / 3, 0.02);   // sqrt(1/4) : 1
}

TEST(SamplerTest, EqualSeedsDrawEqually) {
  const std::vector<float> logits(1000, 0.0F);
  Sampler a(plain(42));
  Sampler b(plain(42));
  Sampler c(plain(43));
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const TokenId id = a.sample(logits).value();
    EXPECT_EQ(id, b.sample(logits).value());
    differs |= id != c.sample(logits).value();
  }
  EXPECT_TRUE(differs);
}

// ---- masks

TEST(SamplerMaskTest, ExcludesBeforeEverythingElse) {
  SamplingSettings greedy = plain();
  greedy.temperature = 0;
  const std::vector<float> logits = {5, 4, 3, 2};
  EXPECT_EQ(Sampler(greedy).sample(logits, std::vector<std::uint32_t>{0b1100}).value(), 2);
  SamplingSettings best_two = plain();
  best_two.top_k = 2;  // of those allowed, not of all
  Sampler sampler(best_two);
  std::set<TokenId> seen;
  for (int i = 0; i < 500; ++i)
    seen.insert(sampler.sample(logits, std::vector<std::uint32_t>{0b1110}).value());
  EXPECT_EQ(seen, (std::set<TokenId>{1, 2}));
}

TEST(SamplerMaskTest, BiasAndPenaltiesBringNothingBack) {
  for (const float temperature : {0.0F, 1.0F}) {
    SamplingSettings s = plain();
    s.temperature = temperature;
    s.logit_bias = {{0, 100.0F}, {2, 1.0F}};
    s.presence_penalty = -50;
    Sampler sampler(s);
    sampler.accept(0);
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(sampler.sample(std::vector<float>{9, 9, 1}, std::vector<std::uint32_t>{0b100}).value(), 2);
  }
}

TEST(SamplerMaskTest, CrossesWordsAndStopsAtEitherEnd) {
  SamplingSettings s = plain();
  const std::vector<float> logits(70, 0.0F);
  Sampler sampler(s);
  std::set<TokenId> seen;
  for (int i = 0; i < 2000; ++i)  // the last word has bits beyond the vocabulary
    seen.insert(sampler.sample(logits, std::vector<std::uint32_t>{1U << 31, 1, 0xFFFFFF30}).value());
  EXPECT_EQ(seen, (std::set<TokenId>{31, 32, 68, 69}));
  EXPECT_EQ(sampler.sample(logits, std::vector<std::uint32_t>{0b10}).value(), 1);  // shorter than the logits
}

TEST(SamplerMaskTest, WhenNothingIsLeftTheErrorSaysWhy) {
  SamplingSettings s = plain();
  s.logit_bias = {{1, -kInf}};
  const std::vector<std::uint32_t> only_one = {0b10};
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{1, 1, 1}, only_one).error().code, ErrorCode::InvalidRequest);
  EXPECT_EQ(Sampler(s).sample(std::vector<float>{1, kNan, 1}, only_one).error().code,
            ErrorCode::ModelLoading);
  EXPECT_EQ(Sampler(plain()).sample(std::vector<float>{1, 1}, std::vector<std::uint32_t>{0}).error().code,
            ErrorCode::InvalidRequest);
}

struct FilterCase {
  const char* name;
  void (*set)(SamplingSettings&);
  std::set<TokenId> kept;
};
class FilterTest : public ::testing::TestWithParam<FilterCase> {};
TEST_P(FilterTest, KeepsExactly) {
  SamplingSettings s = plain();
  GetParam().set(s);
  EXPECT_EQ(support(s, logs({0.05F, 0.4F, 0.25F, 0.3F})), GetParam().kept);
}
INSTANTIATE_TEST_SUITE_P(
    Table, FilterTest,
    ::testing::Values(
        FilterCase{"none", [](SamplingSettings&) {}, {0, 1, 2, 3}},
        FilterCase{"top_k_1", [](SamplingSettings& s) { s.top_k = 1; }, {1}},
        FilterCase{"top_k_2", [](SamplingSettings& s) { s.top_k = 2; }, {1, 3}},
        FilterCase{"top_k_larger_than_vocabulary", [](SamplingSettings& s) { s.top_k = 9; }, {0, 1, 2, 3}},
        FilterCase{"top_p_reached_by_one", [](SamplingSettings& s) { s.top_p = 0.39F; }, {1}},
        FilterCase{"top_p_needs_two", [](SamplingSettings& s) { s.top_p = 0.5F; }, {1, 3}},
        FilterCase{"top_p_needs_three", [](SamplingSettings& s) { s.top_p = 0.9F; }, {1, 2, 3}},
        FilterCase{"min_p", [](SamplingSettings& s) { s.min_p = 0.7F; }, {1, 3}},
        FilterCase{"min_p_all", [](SamplingSettings& s) { s.min_p = 0.1F; }, {0, 1, 2, 3}},
        FilterCase{"min_p_one", [](SamplingSettings& s) { s.min_p = 1.0F; }, {1}},
        // entropy 1.224 nats; surprises 3.00 0.92 1.39 1.20: nearest first 3, 2, 1, 0
        FilterCase{"typical_one", [](SamplingSettings& s) { s.typical_p = 0.2F; }, {3}},
        FilterCase{"typical_two", [](SamplingSettings& s) { s.typical_p = 0.5F; }, {2, 3}},
        FilterCase{"typical_three", [](SamplingSettings& s) { s.typical_p = 0.9F; }, {1, 2, 3}},
        FilterCase{"ban", [](SamplingSettings& s) { s.logit_bias = {{1, -kInf}}; }, {0, 2, 3}},
        FilterCase{"force", [](SamplingSettings& s) { s.logit_bias = {{0, 100.0F}}; }, {0}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SamplerTest, TopPOfALargeVocabularyIsTheSortedNucleus) {
  std::vector<float> logits(5000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = -static_cast<float>((i * 7919) % 5000) * 0.01F;
  SamplingSettings s = plain();
  s.top_p = 0.9F;
  double mass = 0;
  for (const float logit : logits) mass += std::exp(logit);
  double kept = 0;
  int count = 0;
  while (kept < 0.9 * mass) kept += std::exp(-0.01 * count++);
  const auto seen = support(s, logits, 2'000);
  for (const TokenId id : seen) EXPECT_LT((id * 7919) % 5000, count);
  EXPECT_GT(seen.size(), static_cast<std::size_t>(count) / 2);
}

struct PenaltyCase {
  const char* name;
  void (*set)(SamplingSettings&);
  std::vector<TokenId> history;
  std::vector<float> logits;
  TokenId chosen;
};
class PenaltyTest : public ::testing::TestWithParam<PenaltyCase> {};
TEST_P(PenaltyTest, MovesTheGreedyChoice) {
  SamplingSettings s = plain();
  s.temperature = 0;
  GetParam().set(s);
  Sampler sampler(s);
  for (const TokenId id : GetParam().history) sampler.accept(id);
  EXPECT_EQ(sampler.sample(GetParam().logits).value(), GetParam().chosen);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PenaltyTest,
    ::testing::Values(
        PenaltyCase{"none", [](SamplingSettings&) {}, {0, 0, 0}, {2, 1.9F}, 0},
        PenaltyCase{"repetition_divides_positive",
                    [](SamplingSettings& s) { s.repetition_penalty = 1.2F; },
                    {0},
                    {2, 1.9F},
                    1},
        PenaltyCase{"repetition_multiplies_negative",
                    [](SamplingSettings& s) { s.repetition_penalty = 1.2F; },
                    {0},
                    {-2, -2.1F},
                    1},
        PenaltyCase{"presence_counts_once",
                    [](SamplingSettings& s) { s.presence_penalty = 0.05F; },
                    {0, 0, 0},
                    {2, 1.9F},
                    0},
        PenaltyCase{"presence", [](SamplingSettings& s) { s.presence_penalty = 0.2F; }, {0}, {2, 1.9F}, 1},
        PenaltyCase{"frequency_counts_each",
                    [](SamplingSettings& s) { s.frequency_penalty = 0.05F; },
                    {0, 0, 0},
                    {2, 1.9F},
                    1},
        PenaltyCase{"negative_presence_favours",
                    [](SamplingSettings& s) { s.presence_penalty = -0.2F; },
                    {1},
                    {2, 1.9F},
                    1},
        PenaltyCase{"forgotten_after_last_n",
                    [](SamplingSettings& s) {
                      s.presence_penalty = 5;
                      s.penalty_last_n = 2;
                    },
                    {0, 1, 1},
                    {2, 1.9F},
                    0},
        PenaltyCase{"last_n_zero_is_off",
                    [](SamplingSettings& s) {
                      s.presence_penalty = 5;
                      s.penalty_last_n = 0;
                    },
                    {0},
                    {2, 1.9F},
                    0},
        PenaltyCase{"last_n_minus_one_is_all",
                    [](SamplingSettings& s) {
                      s.presence_penalty = 5;
                      s.penalty_last_n = -1;
                    },
                    std::vector<TokenId>(500, 0),
                    {2, 1.9F},
                    1},
        PenaltyCase{"id_outside_vocabulary_is_ignored",
                    [](SamplingSettings& s) { s.presence_penalty = 5; },
                    {17, -3},
                    {2, 1.9F},
                    0}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(LogprobsTest, AreTheLogSoftmax) {
  const auto logits = logs({0.5F, 0.3F, 0.2F});
  const Logprobs result = compute_logprobs(logits, 2, 2);
  EXPECT_NEAR(result.chosen, std::log(0.2), 1e-6);
  ASSERT_EQ(result.top.size(), 2U);
  EXPECT_EQ(result.top[0].id, 0);
  EXPECT_NEAR(result.top[1].logprob, std::log(0.3), 1e-6);
}
TEST(LogprobsTest, MoreThanTheVocabularyGivesTheVocabulary) {
  EXPECT_EQ(compute_logprobs(std::vector<float>{1, 2, -kInf, kNan}, 0, 100).top.size(), 2U);
}
TEST(LogprobsTest, LargeLogitsDoNotOverflow) {
  EXPECT_NEAR(compute_logprobs(std::vector<float>{1e30F, 1e30F}, 0, 0).chosen, -std::log(2.0), 1e-5);
}

// ---- settings

struct RangeCase {
  const char* name;
  void (*set)(SamplingOptions&);
  bool ok;
};
class SamplingRangeTest : public ::testing::TestWithParam<RangeCase> {};
TEST_P(SamplingRangeTest, AcceptsOrRefuses) {
  SamplingOptions options;
  GetParam().set(options);
  const auto result = resolve_sampling(options, {}, 10);
  ASSERT_EQ(result.has_value(), GetParam().ok);
  if (!result) {
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_FALSE(result.error().remedy.empty());
  }
}
#define OPTION(field, value) [](SamplingOptions& o) { o.field = value; }
INSTANTIATE_TEST_SUITE_P(
    Table, SamplingRangeTest,
    ::testing::Values(
        RangeCase{"temperature_below", OPTION(temperature, -0.01F), false},
        RangeCase{"temperature_min", OPTION(temperature, 0.0F), true},
        RangeCase{"temperature_max", OPTION(temperature, 100.0F), true},
        RangeCase{"temperature_above", OPTION(temperature, 100.1F), false},
        RangeCase{"temperature_nan", OPTION(temperature, kNan), false},
        RangeCase{"temperature_inf", OPTION(temperature, kInf), false},
        RangeCase{"top_k_below", OPTION(top_k, -1), false}, RangeCase{"top_k_off", OPTION(top_k, 0), true},
        RangeCase{"top_k_max", OPTION(top_k, std::numeric_limits<int>::max()), true},
        RangeCase{"top_p_zero", OPTION(top_p, 0.0F), false},
        RangeCase{"top_p_small", OPTION(top_p, 1e-6F), true},
        RangeCase{"top_p_one", OPTION(top_p, 1.0F), true},
        RangeCase{"top_p_above", OPTION(top_p, 1.01F), false},
        RangeCase{"top_p_nan", OPTION(top_p, kNan), false},
        RangeCase{"min_p_below", OPTION(min_p, -0.1F), false},
        RangeCase{"min_p_zero", OPTION(min_p, 0.0F), true}, RangeCase{"min_p_one", OPTION(min_p, 1.0F), true},
        RangeCase{"min_p_above", OPTION(min_p, 1.1F), false},
        RangeCase{"min_p_nan", OPTION(min_p, kNan), false},
        RangeCase{"typical_zero", OPTION(typical_p, 0.0F), false},
        RangeCase{"typical_one", OPTION(typical_p, 1.0F), true},
        RangeCase{"typical_nan", OPTION(typical_p, kNan), false},
        RangeCase{"repetition_zero", OPTION(repetition_penalty, 0.0F), false},
        RangeCase{"repetition_max", OPTION(repetition_penalty, 100.0F), true},
        RangeCase{"repetition_nan", OPTION(repetition_penalty, kNan), false},
        RangeCase{"presence_min", OPTION(presence_penalty, -100.0F), true},
        RangeCase{"presence_below", OPTION(presence_penalty, -101.0F), false},
        RangeCase{"presence_nan", OPTION(presence_penalty, kNan), false},
        RangeCase{"frequency_max", OPTION(frequency_penalty, 100.0F), true},
        RangeCase{"frequency_above", OPTION(frequency_penalty, 101.0F), false},
        RangeCase{"frequency_nan", OPTION(frequency_penalty, kNan), false},
        RangeCase{"last_n_below", OPTION(penalty_last_n, -2), false},
        RangeCase{"last_n_all", OPTION(penalty_last_n, -1), true},
        RangeCase{"bias_id_negative",
                  OPTION(logit_bias, (std::vector<std::pair<TokenId, float>>{{-1, 1.0F}})), false},
        RangeCase{"bias_id_last", OPTION(logit_bias, (std::vector<std::pair<TokenId, float>>{{9, 1.0F}})),
                  true},
        RangeCase{"bias_id_past_end",
                  OPTION(logit_bias, (std::vector<std::pair<TokenId, float>>{{10, 1.0F}})), false},
        RangeCase{"bias_nan", OPTION(logit_bias, (std::vector<std::pair<TokenId, float>>{{0, kNan}})), false},
        RangeCase{"bias_ban", OPTION(logit_bias, (std::vector<std::pair<TokenId, float>>{{0, -kInf}})),
                  true}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SamplingSettingsTest, RequestWinsOverModelWinsOverDefault) {
  SamplingDefaults model;
  model.temperature = 0.2F;
  model.top_k = 7;
  SamplingOptions request;
  request.top_k = 3;
  const auto s = resolve_sampling(request, model, 10).value();
  EXPECT_FLOAT_EQ(s.temperature, 0.2F);
  EXPECT_EQ(s.top_k, 3);
  EXPECT_FLOAT_EQ(s.top_p, 0.95F);
}
TEST(SamplingSettingsTest, AModelsNonsenseIsIgnored) {
  SamplingDefaults model;
  model.temperature = kNan;
  model.top_p = 3.0F;
  const auto s = resolve_sampling({}, model, 10).value();
  EXPECT_FLOAT_EQ(s.temperature, 0.8F);
  EXPECT_FLOAT_EQ(s.top_p, 0.95F);
}

// ---- infinite biases

std::vector<TokenId> all_chosen(SamplingSettings settings, const std::vector<float>& logits,
                                int count = 200) {
  settings.seed = 3;
  Sampler sampler(settings);
  std::vector<TokenId> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(sampler.sample(logits).value());
    sampler.accept(out.back());
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

TEST(SamplerBiasTest, InfinityIsADemand) {
  const std::vector<float> logits = {1, 5, -40, 3, -kInf};
  for (const float temperature : {0.0F, 1.0F}) {
    for (const float min_p : {0.0F, 0.05F}) {
      SamplingSettings s{.temperature = temperature, .top_k = 0, .top_p = 1, .min_p = min_p};
      s.logit_bias = {{2, kInf}};
      EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(2));
      s.repetition_penalty = 2;
      s.presence_penalty = 3;
      s.typical_p = 0.5F;
      s.top_p = 0.5F;
      EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(2));
      s.logit_bias = {{4, kInf}};  // even what the model rules out
      EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(4));
    }
  }
}

// Neither settings that ban tokens nor the rules of a model's files take back what a request demands or bans.
TEST(SamplerBiasTest, NoRuleTakesInfinityBack) {
  const std::vector<float> logits = {1, 5, -40, 3, kInf};
  SamplingSettings once{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
  once.no_repeat_ngram_size = 1;
  std::vector<SamplingSettings> all{once};
  for (const SamplingDefaults& asked :
       {SamplingDefaults{.forced_eos_token_ids = {3}},
        SamplingDefaults{.suppress_tokens = {2}, .remove_invalid_values = true},
        SamplingDefaults{.encoder_no_repeat_ngram_size = 1}}) {
    SamplingSettings s{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
    s.rules = std::make_shared<LogitRules>(asked, std::vector<TokenId>{3});
    all.push_back(std::move(s));
  }
  for (SamplingSettings& s : all) {
    s.logit_bias = {{2, kInf}, {4, -kInf}};
    Sampler sampler(s);
    sampler.begin(std::vector<TokenId>{2, 2, 4}, 3);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(sampler.sample(logits).value(), 2) << "setting " << &s - all.data() << ", token " << i;
      sampler.accept(2);
    }
    s.logit_bias = {{3, -kInf}, {4, -kInf}, {1, -kInf}};
    Sampler banned(s);
    banned.begin(std::vector<TokenId>{0}, 1);
    const TokenId chosen = banned.sample(logits).value();
    EXPECT_TRUE(chosen == 0 || chosen == 2) << chosen;
  }
}

TEST(SamplerBiasTest, AmongSeveralDemandsTheModelDecides) {
  const std::vector<float> logits = {1, 9, 2, 3};
  SamplingSettings s{.temperature = 0, .top_k = 0, .top_p = 1, .min_p = 0};
  s.logit_bias = {{2, kInf}, {3, kInf}};
  EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(3));
  s.temperature = 1;
  EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(2, 3));
  s.logit_bias = {{2, kInf}, {3, kInf}, {3, -kInf}};
  EXPECT_THAT(all_chosen(s, logits), ::testing::ElementsAre(2));
}

TEST(SamplerBiasTest, ABanOfEverythingIsToldAsSuch) {
  SamplingSettings s{.temperature = 1};
  s.logit_bias = {{0, -kInf}, {1, -kInf}};
  const auto none = Sampler(s).sample(std::vector<float>{1, 2});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::InvalidRequest);
  EXPECT_THAT(none.error().message, ::testing::HasSubstr("bans every token"));
}

}  // namespace
}  // namespace minerva
