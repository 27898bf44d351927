#include "formats/hf/tokenizer_kind.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

TEST(FindModelType, LooksAtTheModelOnly) {
  EXPECT_EQ(find_model_type(R"({"decoder":{"type":"WordPiece"},"model":{"type":"BPE","vocab":{}}})"), "BPE");
  EXPECT_EQ(
      find_model_type("{\n  \"model\" : {\n \"dropout\": null,\n \"type\" : \"Unigram\",\"vocab\":[]}}"),
      "Unigram");
  EXPECT_EQ(find_model_type(R"({"added_tokens":[{"content":"model"}],"model":{"type":"WordLevel"}})"),
            "WordLevel");
  EXPECT_EQ(find_model_type(R"({"model":{"end_of_word_suffix":null,"vocab":{}}})"), "BPE");
  EXPECT_EQ(find_model_type(R"({"model":{"max_input_chars_per_word":100,"vocab":{}}})"), "WordPiece");
  // A token called "type" is not the model's type.
  EXPECT_EQ(find_model_type(R"({"model":{"vocab":{"type":"BPE"}}})"), "");
  for (const auto* json : {"", "{}", R"({"model")", R"({"model":)", R"({"model":{)", R"({"model":{"type)",
                           R"({"model":{"type":"B)", R"({"model":{"type":1}})", R"({"model":"x"})"}) {
    EXPECT_EQ(find_model_type(json), "") << json;
  }
}

TEST(SummariseTokenizer, KnowsTheFiles) {
  const std::pair<const char*, TokenizerKind> cases[] = {
      {"tokenizer.model", TokenizerKind::SentencePiece},
      {"spiece.model", TokenizerKind::SentencePiece},
      {"tekken.json", TokenizerKind::Other},
      {"merges.txt", TokenizerKind::Bpe},
      {"vocab.txt", TokenizerKind::WordPiece},
  };
  for (const auto& [name, kind] : cases) {
    const testing::TempDir dir;
    dir.write(name, "x");
    EXPECT_EQ(summarise_tokenizer(dir.path()).kind, kind) << name;
    EXPECT_EQ(summarise_tokenizer(dir.path()).detail, name);
    dir.write("tokenizer.json", R"({"model":{"type":"Unigram","vocab":[]}})");
    EXPECT_EQ(summarise_tokenizer(dir.path()).kind, TokenizerKind::Unigram) << name;
  }
  const testing::TempDir empty;
  EXPECT_EQ(summarise_tokenizer(empty.path()).kind, TokenizerKind::None);
}

TEST(SummariseTokenizer, FindsTheModelBehindManyAddedTokens) {
  // Around the borders of the steps in which the file is read.
  for (const std::size_t before : {65'000UL, 65'530UL, 65'540UL, 196'590UL, 1'000'000UL}) {
    const testing::TempDir dir;
    dir.write("tokenizer.json",
              "{\"added_tokens\":\"" + std::string(before, ' ') + R"(","model":{"type":"BPE"}})");
    EXPECT_EQ(summarise_tokenizer(dir.path()).kind, TokenizerKind::Bpe) << before;
  }
  const testing::TempDir dir;
  dir.write("tokenizer.json", std::string(5'000'000, ' ') + R"({"model":{"type":"BPE"}})");
  EXPECT_EQ(summarise_tokenizer(dir.path()).kind, TokenizerKind::Other);
}

}  // namespace
}  // namespace minerva::hf
