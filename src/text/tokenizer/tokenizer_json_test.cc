// Loading: what damaged files say, what the files beside tokenizer.json add, and what may happen at once.
#include "text/tokenizer/tokenizer_json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tokenizer_cases.h"

namespace minerva {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A tokenizer.json: the model, and other members as they are.
std::string file_with(std::string_view model, std::string_view others = "") {
  return fmt::format(R"({{"version": "1.0", {} "model": {}}})", others, model);
}
constexpr std::string_view kWords =
    R"({"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "<s>": 3, "</s>": 4}})";
constexpr std::string_view kBpe = R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})";

struct Malformed {
  const char* name;
  std::string content;
  const char* message;  // a part of it: the field, and what is wrong
};

const std::vector<Malformed>& malformed_files() {
  static const std::vector<Malformed> files = {
      {"Empty", "", "not valid JSON: it is empty"},
      {"GitLfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
       "'tokenizer.json' is a Git LFS pointer"},
      {"WebPage", "<!DOCTYPE html><html>", "'tokenizer.json' is a web page"},
      {"Answer", "Entry not found", "it holds the text 'Entry not found'"},
      {"Cut", R"({"version": "1.0", "model": {"type")", "it ends in the middle, after 35 bytes"},
      {"NoObject", "[]", "expected an object"},
      {"NoModel", "{}", "\"model\" is missing"},
      {"ModelOfAnotherType", R"({"model": 5})", "model: expected an object, found an integer"},
      {"UnknownVersion", R"({"version": "2.0", "model": {}})", "version: expected version"},
      {"UnknownModel", file_with(R"({"type": "Neural"})"), "model: the type 'Neural' is unknown"},
      {"NoVocabulary", file_with(R"({"type": "BPE", "merges": []})"), "\"vocab\" is missing"},
      {"NoMerges", file_with(R"({"type": "BPE", "vocab": {}})"), "\"merges\" is missing"},
      {"VocabularyAsArray", file_with(R"({"type": "BPE", "vocab": [], "merges": []})"),
       "model.vocab: expected an object"},
      {"NegativeId", file_with(R"({"type": "BPE", "vocab": {"a": -1}, "merges": []})"), "the id of 'a'"},
      {"FractionalId", file_with(R"({"type": "BPE", "vocab": {"a": 0.5}, "merges": []})"), "the id of 'a'"},
      {"HugeId", file_with(R"({"type": "BPE", "vocab": {"a": 4000000000}, "merges": []})"), "the id of 'a'"},
      {"SameId", file_with(R"({"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []})"),
       "have the same id 0"},
      {"MergeOfUnknownTokens", file_with(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a x"]})"),
       "model.merges[0]: the second part of the merge 'a' + 'x' is not in model.vocab"},
      {"MergeWithoutResult",
       file_with(R"({"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]})"),
       "model.merges[0]: the result"},
      {"MergeOfOne", file_with(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]})"),
       "model.merges[0]: expected two tokens"},
      {"MergeOfThree", file_with(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a", "a"]]})"),
       "model.merges[0]"},
      {"Dropout", file_with(R"({"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []})"),
       "model.dropout"},
      {"UnknownTokenOfAnotherType",
       file_with(R"({"type": "BPE", "unk_token": 3, "vocab": {}, "merges": []})"),
       "model.unk_token: expected a string"},
      {"UnigramWithoutScore", file_with(R"({"type": "Unigram", "vocab": [["a"]]})"), "model.vocab[0]"},
      {"UnigramUnknownId", file_with(R"({"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]})"),
       "model.unk_id"},
      {"WordPieceWithoutUnknown", file_with(R"({"type": "WordPiece", "vocab": {}})"),
       "\"unk_token\" is missing"},
      {"NormalizerWithoutType", file_with(kWords, R"("normalizer": {},)"),
       "normalizer: the field \"type\" is missing"},
      {"UnknownNormalizer", file_with(kWords, R"("normalizer": {"type": "X"},)"),
       "normalizer: the normalizer 'X' is unknown"},
      {"BadRegex",
       file_with(kWords, R"("normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""},)"),
       "normalizer.pattern.Regex"},
      {"NoPattern",
       file_with(kWords, R"("pre_tokenizer": {"type": "Split", "pattern": {}, "behavior": "Removed"},)"),
       "pre_tokenizer.pattern"},
      {"UnknownBehavior",
       file_with(kWords, R"("pre_tokenizer": {"type": "Punctuation", "behavior": "Eaten"},)"),
       "pre_tokenizer.behavior"},
      {"ZeroLength", file_with(kWords, R"("pre_tokenizer": {"type": "FixedLength", "length": 0},)"),
       "pre_tokenizer.length"},
      {"LongDelimiter",
       file_with(kWords, R"("pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "ab"},)"),
       "a single character"},
      {"NestedInOrder",
       file_with(kWords, R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits"}]},)"),
       "pre_tokenizer.pretokenizers[0]"},
      {"BadCharsmap",
       file_with(kWords, R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"},)"),
       "not valid base64"},
      {"ShortCharsmap",
       file_with(kWords, R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"},)"),
       "the character map"},
      {"CharsmapThatPromisesMore",
       file_with(kWords, R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////wAAAAA="},)"),
       "the character map's trie"},
      {"TemplateWithoutToken",
       file_with(
           kWords,
           R"("post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[X]"}}], "special_tokens": {}},)"),
       "post_processor.special_tokens"},
      {"TemplateOfTwoTexts",
       file_with(
           kWords,
           R"("post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}], "special_tokens": {}},)"),
       "a template uses a second text"},
      {"BertWithoutId",
       file_with(kWords,
                 R"("post_processor": {"type": "BertProcessing", "cls": ["[CLS]"], "sep": ["[SEP]", 1]},)"),
       "post_processor.cls"},
      {"UnknownDecoder", file_with(kWords, R"("decoder": {"type": "X"},)"),
       "decoder: the decoder 'X' is unknown"},
      {"NegativeStrip",
       file_with(kWords, R"("decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0},)"),
       "decoder.start"},
      {"AddedTokenWithoutContent", file_with(kWords, R"("added_tokens": [{"id": 1}],)"),
       "added_tokens[0]: the field \"content\""},
      {"AddedTokenOfAnotherType",
       file_with(kWords, R"("added_tokens": [{"id": 1, "content": "x", "special": 1}],)"),
       "added_tokens[0].special"},
      {"LongAddedToken",
       file_with(kWords,
                 fmt::format(R"("added_tokens": [{{"id": 1, "content": "{}"}}],)", std::string(2000, 'x'))),
       "added_tokens[0].content"},
  };
  return files;
}

class MalformedTokenizers : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedTokenizers, SayFileAndField) {
  const auto tokenizer = parse_tokenizer_json(GetParam().content);
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("tokenizer.json"));
  EXPECT_THAT(tokenizer.error().message, HasSubstr(GetParam().message));
  EXPECT_FALSE(tokenizer.error().remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(All, MalformedTokenizers, ::testing::ValuesIn(malformed_files()),
                         [](const auto& entry) { return std::string(entry.param.name); });

TEST(MalformedTokenizers, DeepNestingIsRefused) {
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += R"({"type": "Sequence", "normalizers": [)";
  EXPECT_FALSE(parse_tokenizer_json(file_with(kWords, fmt::format("\"normalizer\": {},", nested))));
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 100; ++i) deep = R"({"type": "Sequence", "normalizers": [)" + deep + "]}";
  const auto tokenizer = parse_tokenizer_json(file_with(kWords, fmt::format("\"normalizer\": {},", deep)));
  ASSERT_FALSE(tokenizer);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("nested too deeply"));
}

TEST(MalformedTokenizers, ExplodingPartsAreStopped) {
  std::string parts;
  for (int i = 0; i < 40; ++i)
    parts += R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},)";
  parts.pop_back();
  const auto tokenizer = parse_tokenizer_json(
      file_with(kWords, fmt::format(R"("normalizer": {{"type": "Sequence", "normalizers": [{}]}},)", parts)));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto ids = (*tokenizer)->encode("a", {});
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::InvalidRequest);
}

TEST(TokenizerJson, HolesInTheVocabularyAreNoTokens) {
  const auto tokenizer =
      parse_tokenizer_json(file_with(R"({"type": "BPE", "vocab": {"a": 0, "b": 9}, "merges": []})"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 10U);
  EXPECT_EQ((*tokenizer)->token_bytes(5), "");
  EXPECT_EQ((*tokenizer)->token_bytes(-1), "");
  EXPECT_EQ((*tokenizer)->token_bytes(10), "");
  EXPECT_EQ((*tokenizer)->decode(std::vector<TokenId>{0, 5, 9}, false).value(), "a b");
  EXPECT_FALSE((*tokenizer)->decode(std::vector<TokenId>{10}, false));
  EXPECT_FALSE((*tokenizer)->decode(std::vector<TokenId>{-1}, false));
}

TEST(TokenizerJson, TextsAreChecked) {
  const auto tokenizer = parse_tokenizer_json(file_with(kBpe));
  ASSERT_TRUE(tokenizer);
  for (const std::string& text :
       {std::string("\xFF"), std::string("a\xE4\xB8"), std::string((16U << 20U) + 1, 'a')}) {
    const auto ids = (*tokenizer)->encode(text, {});
    ASSERT_FALSE(ids);
    EXPECT_EQ(ids.error().code, ErrorCode::InvalidRequest);
  }
  EXPECT_THAT((*tokenizer)->encode(std::string("a\0b", 3), {}).value(), ElementsAre(2));
}

TEST(TokenizerJson, SpecialTokensAreTextWhenNotParsed) {
  const auto tokenizer = parse_tokenizer_json(
      file_with(R"({"type": "BPE", "vocab": {"<": 0, "s": 1, ">": 2, "<s>": 3, "x": 4}, "merges": []})",
                R"("added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false},
                                    {"id": 4, "content": "x", "special": false, "normalized": false}],)"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT((*tokenizer)->encode("<s>x", {}).value(), ElementsAre(3, 4));
  EXPECT_THAT((*tokenizer)->encode("<s>x", {.parse_special = false}).value(), ElementsAre(0, 1, 2, 4));
  EXPECT_TRUE((*tokenizer)->is_special(3));
  EXPECT_FALSE((*tokenizer)->is_special(4));
  EXPECT_EQ((*tokenizer)->token_bytes(3), "");
  EXPECT_EQ((*tokenizer)->token_bytes(3, true), "<s>");
}

TEST(Companions, NameTheSpecialTokens) {
  const testing::TempDir folder;
  folder.write("tokenizer.json", file_with(kWords));
  folder.write(
      "tokenizer_config.json",
      R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": "<pad>",
                   "model_max_length": 1000000000000000019884624838656})");
  folder.write("generation_config.json", R"({"eos_token_id": [2, 4]})");
  const auto tokenizer = load_tokenizer_json(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->bos(), 3);
  EXPECT_EQ((*tokenizer)->eos(), 4);
  EXPECT_EQ((*tokenizer)->bos_text(), "<s>");
  EXPECT_EQ((*tokenizer)->eos_text(), "</s>");
  EXPECT_TRUE((*tokenizer)->is_end_of_generation(2));
  EXPECT_TRUE((*tokenizer)->is_end_of_generation(4));
  EXPECT_FALSE((*tokenizer)->is_end_of_generation(3));
  // Named in the configuration alone: a new token behind the vocabulary.
  EXPECT_THAT((*tokenizer)->encode("<pad><s>", {}).value(), ElementsAre(5, 3));
  EXPECT_TRUE((*tokenizer)->is_special(5));
}

// What Python writes and JSON does not have, in fields that nobody needs.
TEST(Companions, MayHoldWhatPythonWrites) {
  const testing::TempDir folder;
  folder.write("tokenizer.json", file_with(kWords));
  folder.write("config.json",
               R"({"eos_token_id": 4, "limit": Infinity, "scale": [NaN, -Infinity], "note": "\ud83d"})");
  folder.write("tokenizer_config.json", R"({"bos_token": "<s>", "model_max_length": Infinity})");
  const auto tokenizer = load_tokenizer_json(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_TRUE((*tokenizer)->is_end_of_generation(4));
  EXPECT_EQ((*tokenizer)->bos(), 3);
  folder.write("config.json", R"({"eos_token_id": 4, "limit": Infinite})");
  EXPECT_FALSE(load_tokenizer_json(folder.path()));
}

TEST(Companions, AddedTokensDecoderCounts) {
  const testing::TempDir folder;
  folder.write("tokenizer.json", file_with(kWords));
  folder.write("tokenizer_config.json",
               R"({"added_tokens_decoder": {"5": {"content": "<x>", "special": true}}})");
  folder.write("special_tokens_map.json", R"({"bos_token": "<ignored>"})");  // the decoder says it all
  const auto tokenizer = load_tokenizer_json(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT((*tokenizer)->encode("<x>", {}).value(), ElementsAre(5));
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 6U);
}

TEST(Companions, DamageIsNamed) {
  for (const auto& [file, content] : std::vector<std::pair<std::string, std::string>>{
           {"tokenizer_config.json", "{"},
           {"tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "a"}}})"},
           {"tokenizer_config.json", R"({"added_tokens_decoder": []})"},
           {"tokenizer_config.json", R"({"bos_token": {"lstrip": true}})"},
           {"special_tokens_map.json", "[]"}}) {
    const testing::TempDir folder;
    folder.write("tokenizer.json", file_with(kWords));
    folder.write(file, content);
    const auto tokenizer = load_tokenizer_json(folder.path());
    ASSERT_FALSE(tokenizer) << content;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(file));
  }
  EXPECT_FALSE(load_tokenizer_json("/no/such/place"));
  // What a model's makers recommend stops nothing.
  const testing::TempDir folder;
  folder.write("tokenizer.json", file_with(kWords));
  folder.write("generation_config.json", "nonsense");
  EXPECT_TRUE(load_tokenizer_json(folder.path()));
}

TEST(TokenizerJson, ManyThreadsEncodeAtOnce) {
  const auto folder = testing::test_data() / "models/qwen2";
  const auto tokenizer = load_tokenizer_json(folder);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  std::string text;
  for (int i = 0; i < 300; ++i) text += fmt::format("word{} naïve 漢字 {}\n", i * 7, i);
  const auto expected = (*tokenizer)->encode(text, {}).value();
  std::vector<std::thread> threads;
  std::vector<int> equal(8, 0);
  for (std::size_t i = 0; i < equal.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) equal[i] += (*tokenizer)->encode(text, {}).value() == expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(equal, ::testing::Each(20));
  EXPECT_EQ((*tokenizer)->decode(expected, false).value(), text);
}

}  // namespace
}  // namespace minerva
