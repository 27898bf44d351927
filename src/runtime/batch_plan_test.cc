// Who gets the rows of a step.
#include "runtime/batch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace minerva {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using Rows = std::vector<std::size_t>;

BatchCandidate answer(std::size_t client = 0, int level = 1, std::uint64_t last_row = 0) {
  return {.pending = 1, .level = level, .client = client, .last_row = last_row};
}
BatchCandidate prompt(std::size_t pending, std::size_t client = 0, int level = 1) {
  return {.pending = pending, .level = level, .client = client};
}

struct Case {
  std::string name;
  std::vector<BatchCandidate> candidates;
  std::vector<ServedTokens> served;
  BatchLimits limits;
  Rows rows;
};

class BatchPlanTest : public ::testing::TestWithParam<Case> {};

TEST_P(BatchPlanTest, Rows) {
  const Case& c = GetParam();
  EXPECT_EQ(plan_batch(c.candidates, c.served, c.limits), c.rows);
}

INSTANTIATE_TEST_SUITE_P(
    , BatchPlanTest,
    ::testing::ValuesIn(std::vector<Case>{
        {"Nobody", {}, {}, {512, 100}, {}},
        {"AnswersGetARowEach", {answer(), answer(), answer()}, {{}}, {512, 100}, {1, 1, 1}},
        {"APromptGetsWhatAnswersCanWaitFor", {answer(), prompt(5000)}, {{}}, {512, 100}, {1, 100}},
        {"AShortPromptDoesNotWaitForALongOne", {prompt(5000), prompt(30)}, {{}}, {512, 100}, {70, 30}},
        {"NorALongOneForShortOnes", {prompt(5000), prompt(90), prompt(95)}, {{}}, {512, 100}, {50, 50, 0}},
        {"EqualOnesGoInOrder", {prompt(90), prompt(90), prompt(90)}, {{}}, {512, 100}, {90, 10, 0}},
        {"HighPromptsGoFirst", {prompt(5000, 0, 0), prompt(70, 0, 2)}, {{}}, {512, 100}, {30, 70}},
        {"AndTakeAllTheyNeed", {prompt(5000, 0, 0), prompt(700, 0, 2)}, {{}}, {512, 100}, {0, 100}},
        {"PromptsOfClientsAreEqual",
         {prompt(900, 0), prompt(900, 0), prompt(900, 1)},
         {{}, {}},
         {512, 100},
         {50, 0, 50}},
        {"UnlessOneNeedsLess", {prompt(900, 0), prompt(10, 1)}, {{}, {}}, {512, 100}, {90, 10}},
        {"WhoWasServedLessCatchesUp",
         {prompt(900, 0), prompt(900, 1)},
         {{.prompts = 60}, {}},
         {512, 100},
         {20, 80}},
        {"WhatWasServedInAnswersIsNoMatter",
         {prompt(900, 0), prompt(900, 1)},
         {{.answers = 60}, {}},
         {512, 100},
         {50, 50}},
        {"OneAnswerOfOneClientIsWorthAllOfAnother",
         {answer(0), answer(1), answer(1), answer(1)},
         {{.answers = 10}, {.answers = 10}},
         {512, 100},
         {1, 1, 1, 0}},
        {"WhoIsAheadWaits",
         {answer(0), answer(1), answer(1)},
         {{.answers = 10}, {.answers = 13}},
         {512, 100},
         {1, 0, 0}},
        {"WhoIsBehindCatchesUp",
         {answer(0), answer(1), answer(1), answer(1), answer(1)},
         {{.answers = 12}, {.answers = 10}},
         {512, 100},
         {1, 1, 1, 1, 1}},
        {"AnswersOfOneClientTakeTurns",
         {answer(0), answer(1, 1, 7), answer(1, 1, 5), answer(1, 1, 6)},
         {{}, {.answers = 0}},
         {512, 100},
         {1, 0, 1, 1}},
        {"AnswersDoNotWaitForPromptsOfOthers",
         {prompt(900, 0), answer(1), answer(1)},
         {{}, {.answers = 500}},
         {512, 100},
         {100, 1, 1}},
        {"AnswersOfEachLevelHaveRoom",
         {answer(0, 0), answer(0, 2), answer(0, 1)},
         {{}},
         {512, 100},
         {1, 1, 1}},
        {"WhereRoomIsScarceHighGoesFirst",
         {answer(0, 0), answer(0, 2), answer(0, 1)},
         {{}},
         {2, 100},
         {0, 1, 1}},
        {"ThenWhoWaitedLongest",
         {answer(0, 1, 3), answer(0, 1, 2), answer(0, 1, 1)},
         {{}},
         {2, 100},
         {0, 1, 1}},
        {"APromptHasWhatTheAnswersLeave", {answer(), prompt(900)}, {{}}, {8, 100}, {1, 7}},
    }),
    [](const auto& tested) { return tested.param.name; });

// Two clients, one with one request and one with sixteen: half of the tokens is each one's.
TEST(BatchPlan, OverTimeClientsAreServedAlike) {
  std::vector<BatchCandidate> candidates = {answer(0)};
  for (int i = 0; i < 16; ++i) candidates.push_back(answer(1));
  std::vector<ServedTokens> served(2);
  std::vector<std::size_t> of_each(candidates.size(), 0);
  for (std::uint64_t step = 1; step <= 1600; ++step) {
    const Rows rows = plan_batch(candidates, served, {.rows = 512, .prompt_rows = 64});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      served[candidates[i].client].answers += rows[i];
      of_each[i] += rows[i];
      if (rows[i] > 0) candidates[i].last_row = step;
    }
  }
  EXPECT_EQ(of_each[0], 1600U);
  EXPECT_NEAR(static_cast<double>(served[1].answers), 1600, 2);
  of_each.erase(of_each.begin());
  EXPECT_THAT(of_each, Each(::testing::AllOf(::testing::Ge(99U), ::testing::Le(101U))));
}

// Nothing is granted that nobody asked for, and something always is.
TEST(BatchPlan, StaysWithinItsLimits) {
  std::uint32_t state = 1;
  const auto random = [&](std::uint32_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8U) % below;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<BatchCandidate> candidates;
    std::vector<ServedTokens> served(1 + random(4));
    for (auto& s : served) s = {.answers = random(200), .prompts = random(200)};
    for (std::uint32_t i = 0; i < 1 + random(9); ++i) {
      const bool answers = random(2) == 0;
      candidates.push_back({.pending = answers ? 1 : 2 + random(300),
                            .level = static_cast<int>(random(3)),
                            .client = random(static_cast<std::uint32_t>(served.size())),
                            .last_row = random(5)});
    }
    const BatchLimits limits{.rows = 1 + random(64), .prompt_rows = 1 + random(64)};
    const Rows rows = plan_batch(candidates, served, limits);
    ASSERT_EQ(rows.size(), candidates.size());
    std::size_t prompts = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_LE(rows[i], candidates[i].pending);
      if (!candidates[i].answers()) prompts += rows[i];
    }
    const std::size_t total = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
    ASSERT_GT(total, 0U);
    ASSERT_LE(total, limits.rows);
    ASSERT_LE(prompts, limits.prompt_rows);
  }
}

}  // namespace
}  // namespace minerva
