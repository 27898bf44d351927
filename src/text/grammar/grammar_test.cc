// The parts that the conformance cases do not reach: limits, the matcher's ends, what the compiler keeps.
#include "text/grammar/grammar.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/limits.h"
#include "minerva/model_description.h"
#include "support/paths.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "text/tokenizer/load.h"

namespace minerva {
namespace {

using enum OutputConstraint::Kind;

class GrammarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto description = describe(testing::test_data() / "models" / "llama");
    ASSERT_TRUE(description) << description.error().message;
    tokenizer_ = load_tokenizer(*description).value();
    compiler_ = make_grammar_compiler(tokenizer_, kVocabulary);
  }

  std::unique_ptr<GrammarMatcher> matcher(const OutputConstraint& constraint) {
    return compiler_->compile(constraint).value()->matcher();
  }
  std::vector<TokenId> allowed(GrammarMatcher& matcher) const {
    std::vector<std::uint32_t> mask((kVocabulary + 31) / 32, 0xFFFFFFFF);
    EXPECT_TRUE(matcher.fill_mask(mask));
    std::vector<TokenId> ids;
    for (std::size_t id = 0; id < mask.size() * 32; ++id)
      if ((mask[id / 32] >> (id % 32) & 1U) != 0) ids.push_back(static_cast<TokenId>(id));
    return ids;
  }
  TokenId token(const std::string& text) const {
    return tokenizer_->encode(text, {.add_special = false}).value().at(0);
  }
  std::string refused(const OutputConstraint& constraint) {
    const auto result = compiler_->compile(constraint);
    if (result) return "(taken)";
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    return result.error().message;
  }

  static constexpr std::size_t kVocabulary = 531;  // more logits than tokens, and no multiple of 32
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<GrammarCompiler> compiler_;
};

TEST_F(GrammarTest, AnAnswerEndsWhereItIsCompleteOnly) {
  const auto m = matcher({.kind = Regex, .text = "qz?"});
  EXPECT_FALSE(m->may_end());
  EXPECT_FALSE(m->must_end());
  EXPECT_EQ(allowed(*m), std::vector<TokenId>{token("q")});
  ASSERT_TRUE(m->accept(token("q")));
  EXPECT_TRUE(m->may_end());
  EXPECT_FALSE(m->must_end());
  const auto next = allowed(*m);
  EXPECT_EQ(next.size(), 2U) << "z and the end";
  ASSERT_TRUE(m->accept(token("z")));
  EXPECT_TRUE(m->must_end());
  EXPECT_EQ(allowed(*m), std::vector<TokenId>{*tokenizer_->eos()});
  ASSERT_TRUE(m->accept(*tokenizer_->eos()));
  EXPECT_TRUE(m->must_end());
  EXPECT_TRUE(allowed(*m).empty());
}

TEST_F(GrammarTest, AForbiddenTokenIsAnErrorAndChangesNothing) {
  const auto m = matcher({.kind = Choice, .choices = {"a"}});
  EXPECT_EQ(m->accept(token("b")).error().code, ErrorCode::Internal);
  EXPECT_EQ(m->accept(530).error().code, ErrorCode::Internal);
  EXPECT_EQ(m->accept(-1).error().code, ErrorCode::Internal);
  EXPECT_EQ(m->accept(1'000'000).error().code, ErrorCode::Internal);
  EXPECT_TRUE(m->accept(token("a")).has_value());
}

TEST_F(GrammarTest, MatchersOfOneGrammarAreApart) {
  const auto compiled = compiler_->compile({.kind = Choice, .choices = {"ab"}}).value();
  const auto first = compiled->matcher();
  const auto second = compiled->matcher();
  ASSERT_TRUE(first->accept(token("a")));
  EXPECT_EQ(allowed(*second), allowed(*compiled->matcher()));
}

TEST_F(GrammarTest, TheLastGrammarsAreKept) {
  const auto grammar = [](std::size_t i) {
    return OutputConstraint{.kind = Choice, .choices = {"a" + std::to_string(i)}};
  };
  const auto first = compiler_->compile(grammar(0)).value();
  EXPECT_EQ(compiler_->compile(grammar(0)).value(), first);
  for (std::size_t i = 1; i < limits::kCompiledGrammarCountMax; ++i)
    ASSERT_TRUE(compiler_->compile(grammar(i)));
  EXPECT_EQ(compiler_->compile(grammar(0)).value(), first) << "used again, so the youngest";
  for (std::size_t i = 1; i <= limits::kCompiledGrammarCountMax; ++i)
    ASSERT_TRUE(compiler_->compile(grammar(100 + i)));
  EXPECT_NE(compiler_->compile(grammar(0)).value(), first);
}

TEST_F(GrammarTest, SizesAreLimited) {
  const auto text = [](std::size_t bytes, const std::string& piece) {
    std::string result;
    while (result.size() < bytes) result += piece;
    return result;
  };
  EXPECT_NE(refused({.kind = Regex, .text = text(limits::kRegexBytesMax + 1, "a")}).find("8192"),
            std::string::npos);
  EXPECT_NE(refused({.kind = Grammar, .text = text(limits::kGrammarBytesMax + 1, " ")}).find("262144"),
            std::string::npos);
  EXPECT_NE(refused({.kind = JsonSchema, .text = text(limits::kSchemaBytesMax + 1, " ")}).find("262144"),
            std::string::npos);
  EXPECT_NE(refused({.kind = Grammar, .text = "root ::= " + text(250'000, ".{6}")})
                .find(testing::kSanitized ? "ms to compile" : "too large"),
            std::string::npos);
  EXPECT_NE(refused({.kind = Choice, .choices = std::vector<std::string>(5000, "a")}).find("4096"),
            std::string::npos);
}

// Each of these is small to write and would be large, deep or endless if it were taken at its word.
TEST_F(GrammarTest, NothingTakesForEver) {
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 4000; ++i) chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
  chain += "r4000 ::= 'x'\n";
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (
      const OutputConstraint& constraint : std::vector<OutputConstraint>{
          {.kind = Grammar, .text = chain},
          {.kind = Grammar, .text = "root ::= (('a'?)*)*"},
          {.kind = Grammar, .text = "root ::= root root | 'a' | "},
          {.kind = Grammar, .text = "root ::= ((('a'{1,4096}){1,4096}){1,4096}){1,4096}"},
          {.kind = Regex, .text = "((a?){0,4096}){0,4096}"},
          {.kind = Regex, .text = "(a|b)*a(a|b){60}"},
          {.kind = Regex, .text = "([a-z]{0,8}){0,64}"},
          {.kind = Regex, .text = "(a*)*(b*)*((a|b)*)*"},
          {.kind = Regex, .text = "(.?){600}"},
          {.kind = Regex, .text = "(.{0,200}\\n?){0,200}"},
          {.kind = Grammar, .text = "root ::= x{0,300}\nx ::= [^~]?"},
          {.kind = JsonSchema,
           .text = R"({"$ref":"#/$defs/a","minLength":1,"$defs":{"a":{"$ref":"#/$defs/a"}}})"},
          {.kind = JsonSchema,
           .text =
               R"({"properties":{"a":{"allOf":[{"$ref":"#"},{"required":["x"]}]},"b":{"allOf":[{"$ref":"#"},)"
               R"({"required":["y"]}]}}})"},
          {.kind = JsonSchema, .text = R"({"type":"string","minLength":4096})"},
          {.kind = JsonSchema,
           .text = R"({"type":"array","minItems":4096,"items":{"type":"array","minItems":4096}})"},
      }) {
    const auto compiled = compiler_->compile(constraint);
    if (compiled) {
      const auto m = (*compiled)->matcher();
      for (int i = 0; i < 5; ++i) {
        const auto ids = allowed(*m);
        if (ids.empty() || !m->accept(ids.back()) || m->must_end()) break;
      }
    }
    EXPECT_LT(std::chrono::steady_clock::now(), limit) << constraint.text.substr(0, 100);
  }
}

}  // namespace
}  // namespace minerva
