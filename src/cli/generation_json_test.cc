#include "cli/generation_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> keys(const nlohmann::ordered_json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

ModelFacts facts() {
  return {.model = "m.gguf",
          .format = "gguf",
          .backend = "llama",
          .backend_reason = "GGUF runs there.",
          .fallbacks = {{"native", "no"}},
          .numeric_mode = "default",
          .notes = {"beams are not searched"},
          .recommended = {.max_new_tokens = 2}};
}

Generation generation() {
  Generation g;
  g.prompt_tokens = {1, 2};
  g.tokens = {{.id = 5, .text = "Hi", .logprob = -0.5F, .top = {{5, -0.5F}, {6, -1.5F}}},
              {.id = 6, .text = "!", .logprob = -std::numeric_limits<float>::infinity(), .top = {}}};
  g.text = "Hi!";
  g.finish_reason = FinishReason::Length;
  g.seed = 4'294'967'295;
  g.timings.cached_tokens = 1;
  g.constraint_notes = {{.pointer = "/properties/a", .keyword = "maxlength", .message = "asks for nothing"}};
  return g;
}

// The contract, key by key and in order (see docs and the man page).
TEST(GenerationJson, HasTheKeysOfTheContractInOrder) {
  const auto json = generation_json(facts(), "prompt", generation());
  EXPECT_THAT(keys(json),
              ElementsAre("model", "format", "backend", "backend_reason", "fallbacks", "numeric_mode",
                          "prompt", "prompt_tokens", "tokens", "text", "finish_reason", "complete", "seed",
                          "timings", "memory", "notes", "constraint_notes"));
  EXPECT_THAT(keys(json["constraint_notes"][0]), ElementsAre("pointer", "keyword", "message"));
  EXPECT_THAT(keys(json["fallbacks"][0]), ElementsAre("backend", "reason"));
  EXPECT_THAT(keys(json["tokens"][0]), ElementsAre("id", "text", "logprob", "top"));
  EXPECT_THAT(keys(json["tokens"][0]["top"][0]), ElementsAre("id", "logprob"));
  EXPECT_THAT(keys(json["timings"]),
              ElementsAre("detect_us", "load_ms", "ttft_ms", "prefill_tokens", "cached_tokens", "prefill_tps",
                          "decode_tokens", "decode_tps"));
  EXPECT_THAT(keys(json["memory"]), ElementsAre("weights_bytes", "kv_bytes", "peak_rss_bytes"));
}

TEST(GenerationJson, HoldsTheValues) {
  const auto json = generation_json(facts(), "prompt", generation());
  EXPECT_EQ(json["prompt"], "prompt");
  EXPECT_EQ(json["prompt_tokens"], nlohmann::ordered_json({1, 2}));
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["seed"], 4'294'967'295);
  EXPECT_EQ(json["tokens"][0]["top"].size(), 2U);
  EXPECT_TRUE(json["tokens"][1]["top"].is_array());
  EXPECT_EQ(json["tokens"][1]["logprob"], -9999.0) << "JSON has no infinity";
  EXPECT_NE(json.dump().find("\"fallbacks\":[{"), std::string::npos);
}

TEST(GenerationJson, EmptyListsStayLists) {
  ModelFacts without = facts();
  without.fallbacks.clear();
  const auto json = generation_json(without, "", Generation{});
  EXPECT_EQ(json["fallbacks"].dump(), "[]");
  EXPECT_EQ(json["tokens"].dump(), "[]");
  EXPECT_EQ(json["prompt_tokens"].dump(), "[]");
}

TEST(GenerationJson, SaysWhatIsNotFollowed) {
  EXPECT_EQ(generation_json(facts(), "", generation())["notes"].dump(), R"(["beams are not searched"])");
}

TEST(LengthLine, TellsARecommendedLengthFromAFullContext) {
  GenerationFlags flags;
  EXPECT_THAT(length_line(facts(), flags, generation(), "-c"),
              HasSubstr("2 tokens: the model's files recommend"));
  ModelFacts silent = facts();
  silent.recommended = {};
  EXPECT_THAT(length_line(silent, flags, generation(), "-c"), HasSubstr("context of 4 tokens is full: -c"));
  flags.max_tokens = kUnlimitedTokens;
  EXPECT_THAT(length_line(facts(), flags, generation(), "-c"), HasSubstr("is full"));
  flags.max_tokens = 2;
  EXPECT_EQ(length_line(facts(), flags, generation(), "-c"), "");
}

// Complete is what the model, or a constraint, ended: not what a length, a stop text or Ctrl-C cut.
TEST(GenerationJson, SaysWhetherTheAnswerEndedByItself) {
  Generation g = generation();
  for (const FinishReason reason : {FinishReason::Length, FinishReason::Cancelled, FinishReason::Stop}) {
    g.finish_reason = reason;
    EXPECT_EQ(generation_json(facts(), "", g)["complete"], reason == FinishReason::Stop);
  }
  g.text = "Hi";  // "!" was a stop text
  EXPECT_EQ(generation_json(facts(), "", g)["complete"], false);
}

TEST(LengthLine, SaysThatAConstraintIsNotMet) {
  GenerationFlags flags;
  flags.constraint.json_schema = "true";
  flags.max_tokens = 2;
  EXPECT_THAT(length_line(facts(), flags, generation(), "-c"),
              HasSubstr("cut at 2 tokens, before the answer was what --json-schema demands"));
  flags.max_tokens = std::nullopt;
  EXPECT_THAT(length_line(facts(), flags, generation(), "-c"),
              HasSubstr("another length; the answer is not yet what --json-schema demands"));
  ModelFacts silent = facts();
  silent.recommended = {};
  EXPECT_THAT(length_line(silent, flags, generation(), "-c"),
              HasSubstr("is full: -c; the answer is not yet what --json-schema demands"));
  Generation stopped = generation();
  stopped.finish_reason = FinishReason::Stop;
  EXPECT_EQ(length_line(facts(), flags, stopped, "-c"), "");
  stopped.text = "Hi";
  flags.constraint = {.choices = {"Hi!!", "Ho"}};
  EXPECT_THAT(length_line(facts(), flags, stopped, "-c"), HasSubstr("cut by a stop text"));
  stopped.finish_reason = FinishReason::Cancelled;
  EXPECT_EQ(length_line(facts(), flags, stopped, "-c"), "");
}

TEST(TimingLine, SaysWhatWasReused) {
  EXPECT_THAT(timing_line(facts(), generation()), HasSubstr("2 prompt tokens (1 cached)"));
}

}  // namespace
}  // namespace minerva::cli
