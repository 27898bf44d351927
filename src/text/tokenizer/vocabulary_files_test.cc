#include "text/tokenizer/vocabulary_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <tuple>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tokenizer_cases.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kData = testing::test_data() / "tokenizers/vocabulary-files";

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_vocabulary(const testing::TempDir& dir) {
  dir.write("vocab.json", content(kData / "vocab.json"));
  dir.write("merges.txt", content(kData / "merges.txt"));
}

Result<std::shared_ptr<const Tokenizer>> load(const testing::TempDir& dir) {
  ModelDescription description;
  description.format = Format::HfSafetensors;
  description.path = dir.path();
  return load_tokenizer(description);
}

TEST(VocabularyFiles, AreReadAsTransformersReadsThem) {
  const auto check = [](const simdjson::dom::element& line, std::size_t number) {
    SCOPED_TRACE(number);
    const testing::TempDir dir;
    write_vocabulary(dir);
    for (const auto [name, text] : line["files"].get_object()) {
      dir.write(std::string(name), std::string(text.get_string().value()));
    }
    const auto tokenizer = load(dir);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    for (const auto test : line["cases"].get_array()) {
      const std::string text(test["text"].get_string().value());
      SCOPED_TRACE(text);
      const auto ids = (*tokenizer)->encode(text, {.add_special = false, .parse_special = true});
      ASSERT_TRUE(ids) << ids.error().message;
      EXPECT_EQ(*ids, testing::ids_of(test["ids"]));
      const auto special = (*tokenizer)->encode(text, {.add_special = true, .parse_special = true});
      EXPECT_EQ(special.value(), testing::ids_of(test["ids_with_special"]));
      EXPECT_EQ((*tokenizer)->decode(*special, false).value(), test["decoded"].get_string().value());
      EXPECT_EQ((*tokenizer)->decode(*special, true).value(),
                test["decoded_skip_special"].get_string().value());
    }
    if (!line["eos"].is_null()) {
      EXPECT_EQ((*tokenizer)->eos_text(), line["eos"].get_string().value());
    }
  };
  EXPECT_GT(testing::for_each_json_line(kData / "cases.jsonl", check), 10U);
}

TEST(VocabularyFiles, SayWhatIsWrongWithThem) {
  const std::string vocabulary = content(kData / "vocab.json");
  const std::string merges = content(kData / "merges.txt");
  constexpr const char* kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
  const std::tuple<std::string, std::string, const char*> kCases[] = {
      {kPointer, merges, "'vocab.json' is a Git LFS pointer"},
      {vocabulary, kPointer, "'merges.txt' is a Git LFS pointer"},
      {"<!DOCTYPE html>", merges, "'vocab.json' is a web page"},
      {"", merges, "'vocab.json' is not valid JSON: it is empty"},
      {vocabulary.substr(0, 999), merges,
       "'vocab.json' is not valid JSON: it ends in the middle, after 999 bytes"},
      {"[1]", merges, "vocab.json: expected an object"},
      {R"({"a":"x"})", merges, "vocab.json and merges.txt: model.vocab"},
      {vocabulary, "#version: 0.2\nh e\nno-space\n", "merges.txt: line 3 is 'no-space'"},
      {vocabulary, "a b c\n", "merges.txt: line 1 is 'a b c'"},
      {vocabulary, " b\n", "merges.txt: line 1 is"},
      {vocabulary, "\xFF\xFF b\n", "merges.txt is not valid UTF-8"},
      {vocabulary, "never seen\n", "is not in model.vocab"}};
  for (const auto& [vocab_json, merges_txt, message] : kCases) {
    const testing::TempDir dir;
    dir.write("config.json", R"({"model_type":"opt"})");
    dir.write("vocab.json", vocab_json);
    dir.write("merges.txt", merges_txt);
    const auto tokenizer = load(dir);
    ASSERT_FALSE(tokenizer) << message;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(message));
    EXPECT_FALSE(tokenizer.error().remedy.empty());
  }
}

TEST(VocabularyFiles, MergesMayHaveWindowsLinesAndQuotes) {
  const testing::TempDir dir;
  dir.write("config.json", R"({"model_type":"gpt2"})");
  dir.write("vocab.json", R"({"\"":0,"\\":1,"a":2,"\"\\":3,"\"\\a":4})");
  dir.write("merges.txt", "#version: 0.2\r\n\" \\\r\n\"\\ a\r\n\r\n");
  const auto tokenizer = load(dir);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->encode("\"\\", {}).value(), std::vector<TokenId>{3});
}

TEST(VocabularyFiles, OfAClassThatIsNotKnownAreRefused) {
  for (const auto& [config, message] :
       {std::pair{R"({"tokenizer_class":"CLIPTokenizer"})", "the class 'CLIPTokenizer'"},
        std::pair{"{}", "the family 'blenderbot'"}}) {
    const testing::TempDir dir;
    write_vocabulary(dir);
    dir.write("config.json", R"({"model_type":"blenderbot"})");
    dir.write("tokenizer_config.json", config);
    const auto tokenizer = load(dir);
    ASSERT_FALSE(tokenizer);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(message));
    EXPECT_THAT(tokenizer.error().remedy, HasSubstr("tokenizer.json"));
  }
}

TEST(VocabularyFiles, GiveWayToTokenizerJson) {
  const testing::TempDir dir;
  write_vocabulary(dir);
  EXPECT_TRUE(tokenizers::has_vocabulary_files(dir.path()));
  dir.write("tokenizer.json", "{}");
  EXPECT_FALSE(tokenizers::has_vocabulary_files(dir.path()));
}

}  // namespace
}  // namespace minerva
