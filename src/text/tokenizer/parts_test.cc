// Every part of tokenizer.json, alone and combined, against tokenizers 0.23:
// tests/data/tokenizers/parts.jsonl. A line is a whole tokenizer with texts and their ids, or ids and their
// texts.
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tokenizer_cases.h"
#include "text/tokenizer/tokenizer_json.h"

namespace minerva {
namespace {

TEST(TokenizerParts, AgreeWithTokenizers) {
  const auto file = testing::test_data() / "tokenizers/parts.jsonl";
  const std::size_t count =
      testing::for_each_json_line(file, [&](const simdjson::dom::element& line, std::size_t) {
        SCOPED_TRACE(line["name"].get_string().value());
        const auto tokenizer = parse_tokenizer_json(simdjson::minify(line["tokenizer"].value()));
        ASSERT_TRUE(tokenizer) << tokenizer.error().message;
        simdjson::dom::array cases;
        if (line["encode"].get_array().get(cases) == simdjson::SUCCESS) {
          for (const auto one : cases) {
            const std::string_view text = one.at(0).get_string().value();
            testing::expect_encodes(**tokenizer, text, false, testing::ids_of(one.at(1).value()));
            testing::expect_encodes(**tokenizer, text, true, testing::ids_of(one.at(2).value()));
          }
        }
        if (line["decode"].get_array().get(cases) == simdjson::SUCCESS) {
          for (const auto one : cases) {
            const auto ids = testing::ids_of(one.at(0).value());
            testing::expect_decodes(**tokenizer, ids, false, one.at(1).get_string().value());
            testing::expect_decodes(**tokenizer, ids, true, one.at(2).get_string().value());
          }
        }
      });
  EXPECT_GT(count, 200U);
}

/// The prompts of the reference models, whose tokenizers are BPE (byte-level, and with byte fallback) and
/// Unigram.
TEST(ReferenceModels, PromptsGiveTheirIds) {
  std::size_t models = 0;
  for (const char* folder : {"models", "formats"}) {
    for (const auto& entry : std::filesystem::directory_iterator(testing::test_data() / folder)) {
      if (!std::filesystem::exists(entry.path() / "tokenizer.json")) continue;
      SCOPED_TRACE(entry.path().filename());
      const auto tokenizer = load_tokenizer_json(entry.path());
      ASSERT_TRUE(tokenizer) << tokenizer.error().message;
      simdjson::dom::parser parser;
      const auto expected = parser.load((entry.path() / "expected.json").string());
      for (const auto one : expected["cases"].get_array()) {
        testing::expect_encodes(**tokenizer, one["prompt"].get_string().value(), true,
                                testing::ids_of(one["prompt_ids"].value()));
        std::string_view decoded;
        if (one["decoded"].get_string().get(decoded) != simdjson::SUCCESS) continue;
        testing::expect_decodes(**tokenizer, testing::ids_of(one["greedy_ids"].value()), true, decoded);
      }
      EXPECT_EQ((*tokenizer)->bos_text(), "<s>");
      EXPECT_EQ((*tokenizer)->eos_text(), "</s>");
      EXPECT_TRUE((*tokenizer)->is_end_of_generation((*tokenizer)->eos().value()));
      ++models;
    }
  }
  EXPECT_GE(models, 28U);
}

}  // namespace
}  // namespace minerva
