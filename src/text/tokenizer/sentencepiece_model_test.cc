#include "text/tokenizer/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tokenizer_cases.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

std::filesystem::path data(std::string_view name) {
  return testing::test_data() / "tokenizers/sentencepiece" / name;
}

// Reference: transformers' LlamaTokenizer on the same two files.
TEST(SentencePiece, BpeAgreesWithTransformers) {
  const auto tokenizer = load_sentencepiece(data("bpe") / "tokenizer.model");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  testing::for_each_json_line(
      data("bpe") / "cases.jsonl", [&](const simdjson::dom::element& line, std::size_t) {
        const std::string_view text = line["text"].get_string().value();
        const auto ids = testing::ids_of(line["ids"].value());
        testing::expect_encodes(**tokenizer, text, false, ids);
        testing::expect_encodes(**tokenizer, text, true, testing::ids_of(line["ids_with_special"].value()));
        testing::expect_decodes(**tokenizer, ids, false, line["decoded"].get_string().value());
        testing::expect_decodes(**tokenizer, ids, true, line["decoded_skip_special"].get_string().value());
      });
  EXPECT_EQ((*tokenizer)->bos_text(), "<s>");
  EXPECT_TRUE((*tokenizer)->is_end_of_generation(2));
}

// Reference: SentencePiece itself.
TEST(SentencePiece, UnigramAgreesWithSentencePiece) {
  const auto tokenizer = load_sentencepiece(data("unigram") / "tokenizer.model");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  testing::for_each_json_line(data("unigram") / "cases.jsonl",
                              [&](const simdjson::dom::element& line, std::size_t) {
                                testing::expect_encodes(**tokenizer, line["text"].get_string().value(), true,
                                                        testing::ids_of(line["ids_with_special"].value()));
                              });
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(SentencePiece, CutAnywhereIsAnErrorOrASmallerModel) {
  const std::string whole = content_of(data("bpe") / "tokenizer.model");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    const auto model = tokenizers::parse_sentencepiece_model(whole.substr(0, size), "tokenizer.model");
    if (!model) {
      EXPECT_EQ(model.error().code, ErrorCode::ModelLoading);
      EXPECT_THAT(model.error().message, HasSubstr("tokenizer.model"));
    }
  }
}

TEST(SentencePiece, DamagedBytesNeverCrash) {
  const testing::TempDir folder;
  const std::string whole = content_of(data("unigram") / "tokenizer.model");
  for (std::size_t at = 0; at < whole.size(); at += 11) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const auto tokenizer = load_sentencepiece(folder.write("tokenizer.model", damaged));
    if (tokenizer) (void)(*tokenizer)->encode("Hello world", {});
  }
}

TEST(SentencePiece, OtherKindsAreNamedAndNotBlamed) {
  const std::pair<std::string, const char*> kCases[] = {
      {content_of(data("char.model")), "'tokenizer.model' is a CHAR model, which Minerva does not read"},
      {content_of(data("word.model")), "'tokenizer.model' is a WORD model, which Minerva does not read"},
      {"IQ== 0\nIg== 1\n", "'tokenizer.model' is a tiktoken vocabulary, which Minerva does not read"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
       "'tokenizer.model' is a Git LFS pointer"},
      {"<html>", "'tokenizer.model' is a web page"}};
  for (const auto& [content, message] : kCases) {
    const testing::TempDir folder;
    const auto tokenizer = load_sentencepiece(folder.write("tokenizer.model", content));
    ASSERT_FALSE(tokenizer) << message;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(message));
    EXPECT_THAT(tokenizer.error().remedy, ::testing::Not(HasSubstr("corrupted")));
  }
}

}  // namespace
}  // namespace minerva
