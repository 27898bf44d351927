// Masks against what the grammar lets follow, found the slow way.
#include "text/grammar/matcher.h"

#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/limits.h"
#include "support/byte_tokenizer.h"
#include "support/grammar_reference.h"
#include "support/sanitizers.h"
#include "text/grammar/constraint.h"
#include "text/grammar/derivable.h"
#include "text/grammar/token_masks.h"

namespace minerva {
namespace {

using grammar::Derivable;
using grammar::GrammarBuilder;
using testing::ByteTokenizer;
using testing::GrammarReference;
using enum OutputConstraint::Kind;

bool has(const std::vector<std::uint32_t>& mask, TokenId id) {
  const auto at = static_cast<std::size_t>(id);
  return (mask[at / 32] >> (at % 32) & 1U) != 0;
}

class MatcherTest : public ::testing::Test {
 protected:
  std::shared_ptr<const CompiledGrammar> compiled(const OutputConstraint& constraint) const {
    GrammarBuilder builder;
    const auto root = grammar::constraint_grammar(constraint, builder);
    auto network = grammar::make_network(builder, root.value());
    return grammar::make_compiled(std::move(network).value(), trie_, tokenizer_).value();
  }
  std::unique_ptr<GrammarMatcher> matcher(const std::string& ebnf) const {
    return compiled({.kind = Grammar, .text = ebnf})->matcher();
  }
  std::vector<std::uint32_t> mask(GrammarMatcher& matcher) const {
    std::vector<std::uint32_t> result(trie_->mask_words());
    EXPECT_TRUE(matcher.fill_mask(result));
    return result;
  }

  // Follows answers drawn at random; every mask must allow exactly what the reference does.
  void compare(const OutputConstraint& constraint, int answers) const {
    GrammarBuilder builder;
    const auto root = grammar::constraint_grammar(constraint, builder);
    ASSERT_TRUE(root) << root.error().message;
    const Derivable productive(builder, Derivable::What::AnyText);
    const auto grammar = compiled(constraint);
    std::mt19937 random(1);
    for (int answer = 0; answer < answers; ++answer) {
      const auto followed = grammar->matcher();
      GrammarReference reference(builder, productive, *root);
      std::string text;
      for (int step = 0; step < 40; ++step) {
        SCOPED_TRACE("after " + text);
        const auto allowed = mask(*followed);
        std::vector<TokenId> ids;
        for (TokenId id = 0; id < tokenizer_->end(); ++id) {
          GrammarReference after = reference;
          for (const char byte : tokenizer_->token_bytes(id, false))
            after.step(static_cast<std::uint8_t>(byte));
          ASSERT_FALSE(after.gave_up());
          ASSERT_EQ(has(allowed, id), after.is_alive()) << tokenizer_->token_bytes(id, false);
          if (after.is_alive()) ids.push_back(id);
        }
        ASSERT_EQ(followed->may_end(), reference.may_end());
        ASSERT_EQ(has(allowed, tokenizer_->end()), reference.may_end());
        ASSERT_FALSE(has(allowed, tokenizer_->special()));
        ASSERT_EQ(followed->must_end(), ids.empty());
        if (ids.empty()) break;
        const std::string bytes = tokenizer_->token_bytes(ids[random() % ids.size()], false);
        const auto id = tokenizer_->encode(bytes, {}).value().front();
        ASSERT_TRUE(followed->accept(id));
        for (const char byte : bytes) reference.step(static_cast<std::uint8_t>(byte));
        text += bytes;
      }
    }
  }

  std::shared_ptr<const ByteTokenizer> tokenizer_ =
      std::make_shared<ByteTokenizer>(std::vector<std::string>{"ab",
                                                               "aba",
                                                               "bb",
                                                               "{\"",
                                                               "\":",
                                                               "\": ",
                                                               ", \"",
                                                               "\",",
                                                               "\"}",
                                                               "}}",
                                                               "]]",
                                                               "],",
                                                               "true",
                                                               "tru",
                                                               "12",
                                                               "1.5",
                                                               "\xC3\xA9",
                                                               "\xE6\x97\xA5",
                                                               "\xE6\x97\xA5\xE6",
                                                               "\xF0\x9F",
                                                               "\\n",
                                                               "\\u00",
                                                               "aaaaaaaa",
                                                               "  ",
                                                               "yes",
                                                               "yes\n",
                                                               "a\"",
                                                               "-1",
                                                               "))",
                                                               "+a",
                                                               "longer than most"});
  std::shared_ptr<const grammar::TokenTrie> trie_ =
      std::make_shared<grammar::TokenTrie>(*tokenizer_, tokenizer_->vocabulary_size() + 50);
};

TEST_F(MatcherTest, MasksAreWhatTheGrammarLetsFollow) {
  for (const char* text : {
           "root ::= 'a'",
           "root ::= 'ab' | 'aba' | 'abb' | 'b'",
           "root ::= [ab]* 'bb'",
           "root ::= ('a' | 'aa'){3,70} 'b'?",
           "root ::= [^a]{2,60}",
           "root ::= ('ab'{2,4} 'b'?){20,40}",
           "root ::= ('' | 'a' | 'ab'){60,80} 'c'",
           "root ::= (('a'?)*)* 'b'",
           "root ::= [\\x00-\\U0010FFFF]{0,3} [\\u007E-\\u0801] [\\uD7FE-\\uE002] [\\uFFFE-\\U00010001]",
           "root ::= ([\\u65E5\\u65E6\\u00E9a] 'b')+",
           "root ::= item (',' item)*\nitem ::= '[' root ']' | '{' root '}' | 'a'+",
           "root ::= list\nlist ::= 'a' list | 'b' list | ''",
           "root ::= 'a' root 'b' | ''",
           "root ::= x x x\nx ::= 'a'? y\ny ::= 'b'? | 'ab'",
           "root ::= a | b\na ::= 'x' a 'y' | 'a'\nb ::= 'x' b 'yy' | 'a'",
           "root ::= 'a' never | 'b'\nnever ::= 'c' never",
           "root ::= ([a-z]{2,50} ' '){2,50} '.'",
       }) {
    SCOPED_TRACE(text);
    compare({.kind = Grammar, .text = text}, testing::kSanitized ? 1 : 6);
  }
}

TEST_F(MatcherTest, MasksAreWhatSchemasLetFollow) {
  for (
      const char* text : {
          R"({"type":"object","properties":{"a":{"type":"string"},"ab":{"type":"boolean"}},"required":["a"]})",
          R"({"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":true})",
          R"({"type":"array","items":{"type":"string","minLength":2,"maxLength":90},"maxItems":70})",
          R"({"enum":["yes","yes\n",true,12,[1.5,null],{"a":"日"}]})",
          R"({"type":"number","minimum":-1.5,"maximum":120})",
          R"({"anyOf":[{"type":"string","pattern":"^a+b*$"},{"type":"array","items":{"$ref":"#"}}]})",
      }) {
    SCOPED_TRACE(text);
    compare({.kind = JsonSchema, .text = text}, testing::kSanitized ? 1 : 4);
  }
  compare({.kind = JsonObject}, 4);
}

// The reference cannot follow rules that begin with themselves.
TEST_F(MatcherTest, RulesMayBeginWithThemselves) {
  const auto m = matcher("root ::= root '+' term | term\nterm ::= term '*' 'a' | 'a' | '(' root ')'");
  for (const char c : std::string("a+a*a+(a+a)*a")) {
    ASSERT_TRUE(has(mask(*m), c)) << c;
    ASSERT_TRUE(m->accept(c));
  }
  EXPECT_TRUE(m->may_end());
  EXPECT_FALSE(has(mask(*m), 'a'));
  EXPECT_TRUE(has(mask(*m), '*'));
  EXPECT_FALSE(has(mask(*m), ')'));
}

TEST_F(MatcherTest, AmbiguityHasOneMask) {
  const auto m = matcher("root ::= root root | 'a' | 'ab' | 'b'");
  for (const char c : std::string("ababbaab")) ASSERT_TRUE(m->accept(c));
  EXPECT_TRUE(m->may_end());
  EXPECT_TRUE(has(mask(*m), 'a') && has(mask(*m), 'b') && !has(mask(*m), 'c'));
}

TEST_F(MatcherTest, AnAutomatonIsFollowed) {
  // An even number of a, any number of b.
  GrammarBuilder builder;
  const auto a = builder.literal("a");
  const auto b = builder.literal("b");
  const auto root = builder.add_rule();
  builder.define(
      root, builder.sequence({builder.automaton({.states = {{.accepting = true, .edges = {{a, 1}, {b, 0}}},
                                                            {.edges = {{a, 0}, {b, 1}, {b, 2}}},
                                                            {.edges = {{a, 2}}}}}),
                              builder.literal("!")}));
  const auto grammar =
      grammar::make_compiled(grammar::make_network(builder, root).value(), trie_, tokenizer_).value();
  const auto m = grammar->matcher();
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(has(mask(*m), '!'), i % 2 == 0);
    ASSERT_TRUE(m->accept('b'));
    ASSERT_TRUE(m->accept('a'));
  }
  ASSERT_TRUE(m->accept('!'));
  EXPECT_TRUE(m->must_end());
}

TEST_F(MatcherTest, WhatIsRememberedIsBoundedAndMadeAnew) {
  const auto grammar =
      compiled({.kind = Grammar, .text = "root ::= '[' root ']' | '(' root ')' | 'x'{1,4000}"});
  const auto other = grammar->matcher();
  for (const char c : std::string("[(x")) ASSERT_TRUE(other->accept(c));
  const auto deep = grammar->matcher();
  std::string refused;
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000 && refused.empty(); ++i)
    if (const auto accepted = deep->accept(random() % 2 == 0 ? '[' : '('); !accepted)
      refused = accepted.error().message;
  EXPECT_TRUE(refused.contains("too much memory")) << refused;
  for (const char c : std::string("xx)")) ASSERT_TRUE(other->accept(c)) << "the others go on";
  EXPECT_FALSE(has(mask(*other), ')'));
  EXPECT_TRUE(has(mask(*other), ']'));
  ASSERT_TRUE(other->accept(']'));
  EXPECT_TRUE(other->must_end());
}

TEST_F(MatcherTest, WhatCanBeReadInManyWaysIsFollowedOrRefusedInTime) {
  for (const char* text : {
           "root ::= x x x x x x x 'b'\nx ::= x x | 'a'",
           "root ::= ([^~]{0,200} 'a'?){0,200}",
           "root ::= (('a'{0,90} 'a'?){0,90} 'a'){0,90} 'b'",
           "root ::= (x{0,200} y{0,200}){0,200}\nx ::= 'a' | 'aa' | ''\ny ::= 'a'{0,99}",
           "root ::= ('a' | 'aa' | 'aaa'){40,4000} 'b'",
       }) {
    SCOPED_TRACE(text);
    const auto m = matcher(text);
    for (int i = 0; i < 300; ++i) {
      std::vector<std::uint32_t> result(trie_->mask_words());
      const std::clock_t start = std::clock();
      auto done = m->fill_mask(result);
      if (done) done = m->accept('a');
      EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10) << "after " << i;
      if (done) continue;
      EXPECT_EQ(done.error().code, ErrorCode::InvalidRequest);
      EXPECT_TRUE(done.error().message.contains("too many ways")) << done.error().message;
      break;
    }
  }
}

TEST_F(MatcherTest, AnExhaustedBudgetLeavesNothingWrongBehind) {
  GrammarBuilder builder;
  const OutputConstraint constraint = {.kind = JsonSchema,
                                       .text = R"({"items":{"type":["string","integer","array"]}})"};
  const auto root = grammar::constraint_grammar(constraint, builder).value();
  const auto network = grammar::make_network(builder, root).value();
  const auto mask_within = [&](grammar::Recognizer& recognizer, grammar::TokenMasks& masks,
                               std::int64_t work) {
    grammar::Budget budget{.work = work};
    grammar::ConfigId config = recognizer.start();
    for (const char c : std::string("[12,\"a"))
      config = recognizer.step(config, static_cast<std::uint8_t>(c), budget);
    std::vector<std::uint32_t> mask(trie_->mask_words());
    const bool filled = !budget.exhausted() && masks.fill(config, mask, budget);
    return filled ? std::optional(mask) : std::nullopt;
  };
  grammar::Recognizer fresh(network);
  grammar::TokenMasks fresh_masks(*trie_, network, fresh);
  const auto right = mask_within(fresh, fresh_masks, limits::kGrammarStepWorkMax);
  ASSERT_TRUE(right);
  int exhausted = 0;
  for (std::int64_t work = 0; work < 400; work += 7) {
    grammar::Recognizer recognizer(network);
    grammar::TokenMasks masks(*trie_, network, recognizer);
    exhausted += mask_within(recognizer, masks, work) ? 0 : 1;
    EXPECT_EQ(mask_within(recognizer, masks, limits::kGrammarStepWorkMax), right) << work;
  }
  EXPECT_GT(exhausted, 10);
}

}  // namespace
}  // namespace minerva
