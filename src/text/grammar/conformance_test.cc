// The conformance cases of tests/data/grammar (make_cases.py writes them): what a constraint must accept,
// must not accept or must refuse, and that whatever is drawn under its mask, without any model, is valid.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "minerva/model_description.h"
#include "support/grammar_cases.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using testing::constraint_of;
using testing::grammar_cases;
using testing::why_invalid;
using Json = nlohmann::ordered_json;

std::shared_ptr<const Tokenizer> tokenizer_of(const std::filesystem::path& model) {
  const auto description = describe(model);
  if (!description) return nullptr;
  return load_tokenizer(*description).value_or(nullptr);
}

// The tokens of one character of ASCII, by that character; -1 where there is none.
std::array<TokenId, 128> single_characters(const Tokenizer& tokenizer) {
  std::array<TokenId, 128> single{};
  single.fill(-1);
  for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.vocabulary_size()); ++id) {
    const std::string bytes = tokenizer.token_bytes(id);
    if (bytes.size() == 1 && static_cast<unsigned char>(bytes[0]) < 128)
      single.at(static_cast<std::size_t>(bytes[0])) = id;
  }
  return single;
}

class Walk {
 public:
  Walk(const CompiledGrammar& compiled, const Tokenizer& tokenizer, const std::array<TokenId, 128>& single)
      : matcher_(compiled.matcher()),
        tokenizer_(tokenizer),
        single_(single),
        mask_((tokenizer.vocabulary_size() + 31) / 32) {}

  std::vector<TokenId> allowed() {
    EXPECT_TRUE(matcher_->fill_mask(mask_));
    std::vector<TokenId> ids;
    for (std::size_t word = 0; word < mask_.size(); ++word)
      for (std::uint32_t bits = mask_[word]; bits != 0; bits &= bits - 1)
        ids.push_back(static_cast<TokenId>(word * 32 + static_cast<std::size_t>(std::countr_zero(bits))));
    return ids;
  }

  bool accepts(const std::string& text) {
    const auto ids = tokenizer_.encode(text, {.add_special = false, .parse_special = false});
    if (!ids || tokenizer_.decode(*ids, false).value_or("") != text) {
      ADD_FAILURE() << "the tokenizer cannot write " << text;
      return false;
    }
    for (const TokenId id : *ids) {
      EXPECT_TRUE(matcher_->fill_mask(mask_));
      if (!allows(id)) return false;
      EXPECT_TRUE(matcher_->accept(id).has_value());
    }
    return matcher_->may_end();
  }

  /// Draws until the answer ends; late, what closes goes first. Nothing when it does not end.
  std::optional<std::string> draw(std::uint32_t seed) {
    constexpr int kFreeSteps = 40;
    constexpr int kStepsMax = 400;
    std::mt19937 random(seed);
    std::string text;
    for (int step = 0; step < kStepsMax; ++step) {
      if (matcher_->must_end()) return text;
      const auto ids = allowed();
      if (ids.empty()) {
        ADD_FAILURE() << "nothing may follow " << text;
        return std::nullopt;
      }
      const TokenId id = step < kFreeSteps ? ids[random() % ids.size()] : closing(ids, random);
      if (tokenizer_.is_end_of_generation(id)) {
        EXPECT_TRUE(matcher_->may_end());
        return text;
      }
      text += tokenizer_.token_bytes(id);
      if (const auto accepted = matcher_->accept(id); !accepted) {
        ADD_FAILURE() << accepted.error().message << " after " << text;
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  bool allows(TokenId id) const {
    const auto at = static_cast<std::size_t>(id);
    return id >= 0 && (mask_[at / 32] >> (at % 32) & 1U) != 0;
  }
  // Within a string (where a letter may come) its end; elsewhere a bracket, else anything.
  TokenId closing(const std::vector<TokenId>& ids, std::mt19937& random) const {
    if (matcher_->may_end())
      for (const TokenId id : ids)
        if (tokenizer_.is_end_of_generation(id)) return id;
    const auto single = [this](char c) { return single_.at(static_cast<std::size_t>(c)); };
    if (allows(single('q')) && allows(single('"'))) return single('"');
    for (const char c : {'}', ']', ')'})
      if (allows(single(c))) return single(c);
    return ids[random() % ids.size()];
  }

  std::unique_ptr<GrammarMatcher> matcher_;
  const Tokenizer& tokenizer_;
  const std::array<TokenId, 128>& single_;
  std::vector<std::uint32_t> mask_;
};

void run_cases(const std::string& file, const std::shared_ptr<const Tokenizer>& tokenizer, int draws) {
  const auto compiler = make_grammar_compiler(tokenizer, tokenizer->vocabulary_size());
  const auto single = single_characters(*tokenizer);
  const auto cases = grammar_cases(file);
  ASSERT_GE(cases.size(), 100U);
  int drawn = 0;
  int ended = 0;
  for (std::size_t i = 0; i < cases.size(); i += testing::stride(6)) {
    const Json& test = cases[i];
    SCOPED_TRACE(file + ".jsonl line " + std::to_string(i + 1) + ": " + test["text"].dump().substr(0, 300));
    const auto compiled = compiler->compile(constraint_of(test));
    if (test.contains("refuse")) {
      const auto word = test["refuse"].get<std::string>();
      EXPECT_FALSE(compiled.has_value()) << "should be refused: " << word;
      if (compiled) continue;
      EXPECT_EQ(compiled.error().code, ErrorCode::InvalidRequest);
      EXPECT_TRUE(compiled.error().message.contains(word)) << compiled.error().message;
      EXPECT_FALSE(compiled.error().remedy.empty());
      continue;
    }
    EXPECT_TRUE(compiled.has_value()) << (compiled ? "" : compiled.error().message);
    if (!compiled) continue;
    for (const Json& text : test["accept"])
      EXPECT_TRUE(Walk(**compiled, *tokenizer, single).accepts(text.get<std::string>())) << "accept " << text;
    for (const Json& text : test["reject"])
      EXPECT_FALSE(Walk(**compiled, *tokenizer, single).accepts(text.get<std::string>()))
          << "reject " << text;
    for (int draw = 0; draw < draws; ++draw) {
      const auto text = Walk(**compiled, *tokenizer, single)
                            .draw(static_cast<std::uint32_t>(i * 100) + static_cast<std::uint32_t>(draw));
      ++drawn;
      ended += text ? 1 : 0;
      EXPECT_EQ(text ? why_invalid(test, *text) : "", "") << text.value_or("");
    }
  }
  // A few wait for a word that chance does not spell, such as the pattern abc.
  EXPECT_GE(ended, drawn * 9 / 10) << ended << " of " << drawn << " answers ended";
}

class GrammarConformanceTest : public ::testing::TestWithParam<const char*> {};
TEST_P(GrammarConformanceTest, SmallVocabulary) {
  const auto tokenizer = tokenizer_of(testing::test_data() / "models" / "llama");
  ASSERT_TRUE(tokenizer);
  run_cases(GetParam(), tokenizer, 20);
}
TEST_P(GrammarConformanceTest, RealVocabulary) {
  const auto model = testing::assets() / "SmolLM2-135M-Instruct.Q4_1.gguf";
  MINERVA_NEEDS_MODEL(model);
  const auto tokenizer = tokenizer_of(model);
  ASSERT_TRUE(tokenizer);
  run_cases(GetParam(), tokenizer, 2);
}
INSTANTIATE_TEST_SUITE_P(Cases, GrammarConformanceTest,
                         ::testing::Values("values", "structures", "combined", "keywords", "texts"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace minerva
