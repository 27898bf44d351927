// What of a tokenizer.json is recognised, and scores made of merges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "convert/merge_order.h"
#include "convert/pre_tokenizer.h"
#include "convert/sentencepiece_parts.h"
#include "convert/vocabulary.h"

namespace minerva::convert {
namespace {

using nlohmann::json;
using tokenizers::JsonDocument;

JsonDocument document(const json& value) {
  std::string text = value.dump();
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  auto parsed = JsonDocument::parse(std::move(text), "tokenizer.json");
  EXPECT_TRUE(parsed);
  return std::move(*parsed);
}

json byte_level(bool regex, bool prefix = false) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", regex}};
}
json split(const std::string& regex, const std::string& behavior = "Isolated") {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", behavior}, {"invert", false}};
}
json sequence(const json& parts) {
  return {{"type", "Sequence"}, {"pretokenizers", parts}};
}

const std::string kLlama3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

struct PreCase {
  json value;
  bool whole_words;
  const char* name;
};

TEST(PreTokenizerNames, AreRecognisedByTheirParts) {
  std::string qwen2 = kLlama3;
  qwen2.replace(qwen2.find("{1,3}"), 5, "");
  const std::vector<PreCase> cases = {
      {byte_level(true), false, "gpt-2"},
      {byte_level(true, true), false, ""},
      {byte_level(false), false, ""},
      {sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)}), false, "smollm"},
      {sequence({{{"type", "Digits"}, {"individual_digits", false}}, byte_level(true)}), false, ""},
      {sequence({split(kLlama3), byte_level(false)}), true, "llama-bpe"},
      {sequence({split(kLlama3), byte_level(false)}), false, "dbrx"},
      {sequence({split(qwen2), byte_level(false)}), false, "qwen2"},
      {sequence({split(kLlama3, "Removed"), byte_level(false)}), true, ""},
      {sequence({split(kLlama3 + "|x"), byte_level(false)}), true, ""},
      {sequence({split(kLlama3), byte_level(true)}), true, ""},
      {sequence(json::array()), true, ""},
      {{{"type", "Metaspace"}}, false, ""},
      {{{"type", 7}}, false, ""},
      {json::object(), false, ""},
  };
  for (const PreCase& c : cases) {
    const auto parsed = document(c.value);
    EXPECT_EQ(recognise_pre_tokenizer(parsed.root(), c.whole_words).name, c.name) << c.value;
  }
}

TEST(SentencePieceParts, AreRecognised) {
  const json prepend = {{"type", "Prepend"}, {"prepend", "▁"}};
  const json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}};
  const json split_spaces = {
      {"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "MergedWithPrevious"}};
  struct Case {
    json value;
    bool known;
    bool space;
    bool note;
  };
  const std::vector<Case> cases = {
      {{{"normalizer", {{"type", "Sequence"}, {"normalizers", {prepend, replace}}}}}, true, true, false},
      {{{"normalizer", replace}}, true, false, false},
      {{{"normalizer", replace}, {"pre_tokenizer", split_spaces}}, true, false, false},
      {{{"pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "first"}, {"split", false}}}},
       true,
       true,
       true},
      {{{"pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "never"}, {"split", false}}}},
       true,
       false,
       false},
      {{{"pre_tokenizer", split_spaces}}, false, false, false},
      {{{"normalizer", {{"type", "NFKC"}}}}, false, false, false},
      {{{"normalizer", {{"type", "Prepend"}, {"prepend", "x"}}}}, false, false, false},
      {json::object(), false, false, false},
  };
  for (const Case& c : cases) {
    const auto parsed = document(c.value);
    const auto parts = recognise_sentencepiece(parsed.root());
    ASSERT_TRUE(parts) << c.value;
    EXPECT_EQ(parts->known, c.known) << c.value;
    EXPECT_NE(parts->known, !parts->why_not.empty());
    if (!c.known) continue;
    EXPECT_EQ(parts->space_prefix, c.space) << c.value;
    EXPECT_EQ(!parts->note.empty(), c.note) << c.value;
  }
}

TEST(MergeScores, FollowTheMerges) {
  const std::vector<std::string> tokens = {"a", "b", "c", "ab", "bc", "abc"};
  const auto none = [](std::string_view) { return false; };
  const auto complete = score_by_merges(tokens, {{"a", "b"}, {"b", "c"}, {"a", "bc"}, {"ab", "c"}}, none);
  EXPECT_EQ(complete.scores, (std::vector<float>{-4, -4, -4, 0, -1, -2}));
  EXPECT_EQ(complete.pairs_without_merge, 0U);
  EXPECT_EQ(complete.scattered_tokens, 0U);
  const auto missing = score_by_merges(tokens, {{"a", "b"}, {"b", "c"}, {"ab", "c"}}, none);
  EXPECT_EQ(missing.pairs_without_merge, 1U);
  const auto scattered = score_by_merges(tokens, {{"ab", "c"}, {"a", "b"}, {"b", "c"}, {"a", "bc"}}, none);
  EXPECT_EQ(scattered.scattered_tokens, 1U);
  // Whole characters only: "é" is two bytes.
  const auto wide = score_by_merges({"é", "n", "én"}, {{"é", "n"}}, none);
  EXPECT_EQ(wide.pairs_without_merge, 0U);
}

TEST(HarmlessName, IsNotTakenForPhi3) {
  GgufVocabulary vocabulary;
  EXPECT_EQ(harmless_name("My-Phi3-x PHI-3", vocabulary), "My-Phi 3-x PHI 3");
  EXPECT_EQ(harmless_name("phi4", vocabulary), "phi4");
  vocabulary.has_phi3_tokens = vocabulary.strips_spaces = true;
  EXPECT_EQ(harmless_name("Phi-3-mini", vocabulary), "Phi-3-mini");
}

}  // namespace
}  // namespace minerva::convert
