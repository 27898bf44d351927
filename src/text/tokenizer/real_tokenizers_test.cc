// The tokenizers of well-known models against transformers: tools/fetch-tokenizers gets their tokenizer.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tokenizer_cases.h"
#include "text/tokenizer/tokenizer_json.h"

namespace minerva {
namespace {

class RealTokenizers : public ::testing::TestWithParam<const char*> {};

TEST_P(RealTokenizers, AgreeWithTransformers) {
  const std::string name = GetParam();
  const auto file = testing::assets().parent_path() / "tokenizers" / name / "tokenizer.json";
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << name << "'s tokenizer.json is missing: run tools/fetch-tokenizers";
  const auto tokenizer = load_tokenizer_json(file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto cases = testing::test_data() / "tokenizers" / name / "cases.jsonl";
  const std::size_t count =
      testing::for_each_json_line(cases, [&](const simdjson::dom::element& line, std::size_t number) {
        SCOPED_TRACE(::testing::Message() << name << " case " << number);
        const std::string_view text = line["text"].get_string().value();
        const auto ids = testing::ids_of(line["ids"].value());
        testing::expect_encodes(**tokenizer, text, false, ids);
        testing::expect_encodes(**tokenizer, text, true, testing::ids_of(line["ids_with_special"].value()));
        testing::expect_decodes(**tokenizer, ids, false, line["decoded"].get_string().value());
        testing::expect_decodes(**tokenizer, ids, true, line["decoded_skip_special"].get_string().value());
      });
  EXPECT_EQ(count, 450U);
}

INSTANTIATE_TEST_SUITE_P(All, RealTokenizers,
                         ::testing::Values("llama3", "qwen3", "gemma3", "gptoss", "llama2"),
                         [](const auto& entry) { return std::string(entry.param); });

}  // namespace
}  // namespace minerva
