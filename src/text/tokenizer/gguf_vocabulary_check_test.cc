#include "text/tokenizer/gguf_vocabulary_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/gguf_builder.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using testing::GgufBuilder;
using testing::tiny_llama;

Result<void> check(const GgufBuilder& builder, bool thoroughly = false) {
  const testing::TempDir folder;
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(folder.write("tiny.gguf", builder.build())));
  return thoroughly ? check_gguf_vocabulary_thoroughly(file) : check_gguf_vocabulary(file);
}

// Three tokens of GPT-2's kind and one merge.
GgufBuilder tiny_bpe() {
  GgufBuilder builder;
  builder.string("general.architecture", "llama").string("tokenizer.ggml.model", "gpt2");
  builder.string("tokenizer.ggml.pre", "qwen2").strings("tokenizer.ggml.tokens", {"a", "b", "ab"});
  builder.array<std::int32_t>("tokenizer.ggml.token_type", {1, 1, 1})
      .strings("tokenizer.ggml.merges", {"a b"});
  return builder;
}

TEST(GgufVocabularyCheck, SoundOnesPass) {
  EXPECT_TRUE(check(tiny_llama(), true));
  EXPECT_TRUE(check(tiny_bpe(), true));
}

TEST(GgufVocabularyCheck, NoVocabularyPasses) {
  GgufBuilder builder;
  builder.string("general.architecture", "llama");
  EXPECT_TRUE(check(builder));
  builder.string("tokenizer.ggml.model", "no_vocab");
  EXPECT_TRUE(check(builder));
}

struct BadVocabulary {
  const char* name;
  GgufBuilder (*start)();
  std::function<void(GgufBuilder&)> break_it;
  const char* in_message;
};

class GgufVocabularyRefused : public ::testing::TestWithParam<BadVocabulary> {};

TEST_P(GgufVocabularyRefused, WithAMessageThatNamesIt) {
  auto builder = GetParam().start();
  GetParam().break_it(builder);
  const auto result = check(builder, true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_NE(result.error().message.find(GetParam().in_message), std::string::npos) << result.error().message;
  EXPECT_FALSE(result.error().remedy.empty());
}

// libllama warns and takes its default, as where the key is missing.
TEST(GgufVocabulary, TakesSpecialTokensOutsideForNone) {
  for (const char* name : {"bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask", "fim_pre",
                           "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"}) {
    for (const std::uint32_t id : {288U, 99'999U, 0x7fffffffU, 0xfffffffeU, 0xffffffffU}) {
      GgufBuilder builder = tiny_llama();
      const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
      builder.erase(key).u32(key, id);
      const auto result = check(builder, true);
      EXPECT_TRUE(result) << key << ": " << result.error().message;
    }
  }
}

const std::vector<BadVocabulary> kBadVocabularies = {
    {"KindMissing", tiny_llama, [](GgufBuilder& b) { b.erase("tokenizer.ggml.model"); },
     "tokenizer.ggml.model"},
    {"KindUnknown", tiny_llama,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.model").string("tokenizer.ggml.model", "magic"); },
     "'magic'"},
    {"KindWithUncheckedCharacterMap", tiny_llama,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.model").string("tokenizer.ggml.model", "t5"); }, "'t5'"},
    {"TokensMissing", tiny_llama, [](GgufBuilder& b) { b.erase("tokenizer.ggml.tokens"); },
     "tokenizer.ggml.tokens"},
    {"TokensEmpty", tiny_llama,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.tokens").strings("tokenizer.ggml.tokens", {}); },
     "tokenizer.ggml.tokens"},
    {"TokensAreNumbers", tiny_llama,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.tokens").array<std::int32_t>("tokenizer.ggml.tokens", {1});
     },
     "tokenizer.ggml.tokens"},
    {"TokenTooLong", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.tokens")
           .strings("tokenizer.ggml.tokens", {"a", "b", std::string(20'000, 'x')});
     },
     "token 2"},
    {"ScoresTooFew", tiny_llama,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.scores").array<float>("tokenizer.ggml.scores", {1}); },
     "tokenizer.ggml.scores"},
    {"ScoresOfWrongType", tiny_bpe,
     [](GgufBuilder& b) { b.array<std::uint8_t>("tokenizer.ggml.scores", {1, 1, 1}); },
     "tokenizer.ggml.scores"},
    {"ScoreNotANumber", tiny_bpe,
     [](GgufBuilder& b) {
       b.array<float>("tokenizer.ggml.scores", {1, std::numeric_limits<float>::quiet_NaN(), 1});
     },
     "token 1"},
    {"TypesTooMany", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.token_type").array<std::int32_t>("tokenizer.ggml.token_type", {1, 1, 1, 1});
     },
     "tokenizer.ggml.token_type"},
    {"TypeUnknown", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.token_type").array<std::int32_t>("tokenizer.ggml.token_type", {1, 1, 77});
     },
     "token 2"},
    {"ByteTokenWithoutItsForm", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.token_type").array<std::int32_t>("tokenizer.ggml.token_type", {6, 1, 1});
     },
     "<0xNN>"},
    {"MergesMissing", tiny_bpe, [](GgufBuilder& b) { b.erase("tokenizer.ggml.merges"); },
     "tokenizer.ggml.merges"},
    {"MergesAreNumbers", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.merges").array<std::int32_t>("tokenizer.ggml.merges", {1});
     },
     "tokenizer.ggml.merges"},
    {"MergeWithoutSpace", tiny_bpe,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.merges").strings("tokenizer.ggml.merges", {"ab"}); },
     "merge 0"},
    {"MergeEmpty", tiny_bpe,
     [](GgufBuilder& b) { b.erase("tokenizer.ggml.merges").strings("tokenizer.ggml.merges", {"a b", ""}); },
     "merge 1"},
    {"BosAddedButOutside", tiny_bpe,
     [](GgufBuilder& b) {
       b.boolean("tokenizer.ggml.add_bos_token", true).u32("tokenizer.ggml.bos_token_id", 99'999);
     },
     "tokenizer.ggml.add_bos_token"},
    {"PrefixOfWrongType", tiny_llama, [](GgufBuilder& b) { b.string("tokenizer.ggml.prefix_token_id", "1"); },
     "tokenizer.ggml.prefix_token_id"},
    {"BosOfWrongType", tiny_llama,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.bos_token_id").string("tokenizer.ggml.bos_token_id", "1");
     },
     "tokenizer.ggml.bos_token_id"},
    {"BosAddedButUnknown", tiny_bpe, [](GgufBuilder& b) { b.boolean("tokenizer.ggml.add_bos_token", true); },
     "tokenizer.ggml.add_bos_token"},
    {"EosAddedButUnknown", tiny_bpe, [](GgufBuilder& b) { b.boolean("tokenizer.ggml.add_eos_token", true); },
     "tokenizer.ggml.add_eos_token"},
    {"AddOfWrongType", tiny_bpe, [](GgufBuilder& b) { b.u32("tokenizer.ggml.add_bos_token", 1); },
     "tokenizer.ggml.add_bos_token"},
    {"RwkvByteWithoutAToken", tiny_llama,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.model").string("tokenizer.ggml.model", "rwkv");
       b.erase("tokenizer.ggml.tokens").erase("tokenizer.ggml.scores").erase("tokenizer.ggml.token_type");
       b.strings("tokenizer.ggml.tokens", {"a", "\\x62", "ab", "\\nx"});
       for (const char* key : {"bos", "eos", "unknown"}) {
         b.erase(std::string("tokenizer.ggml.") + key + "_token_id");
       }
     },
     "token 3 begins with the byte 0x0a"},
    {"TwiceTheSameToken", tiny_bpe,
     [](GgufBuilder& b) {
       b.erase("tokenizer.ggml.tokens").strings("tokenizer.ggml.tokens", {"a", "b", "a"});
     },
     "tokens 0 and 2"},
};

INSTANTIATE_TEST_SUITE_P(Files, GgufVocabularyRefused, ::testing::ValuesIn(kBadVocabularies),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva
