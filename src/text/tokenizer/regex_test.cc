#include "text/tokenizer/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "text/tokenizer/regex_syntax.h"

namespace minerva::tokenizers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  if (!regex) return {regex.error().message};
  std::vector<std::string> found;
  const auto done = regex->for_each_match(text, TimeBudget::start(), [&](std::size_t begin, std::size_t end) {
    found.emplace_back(text.substr(begin, end - begin));
  });
  return done ? found : std::vector<std::string>{done.error().message};
}

// What Oniguruma reads otherwise than PCRE2.
TEST(Regex, ReadsOnigurumaSyntax) {
  EXPECT_THAT(matches("a{1,2}+", "aaaaa"), ElementsAre("aaaaa"));  // a repeat of a repeat, not possessive
  EXPECT_THAT(matches("ba{2}?", "baab"), ElementsAre("baa", "b"));
  EXPECT_THAT(matches("a{,2}b", "aaab"), ElementsAre("aab"));
  EXPECT_THAT(matches("\\h+", "xbadx"), ElementsAre("bad"));
  EXPECT_THAT(matches("[a-z&&[^b]]+", "abc"), ElementsAre("a", "c"));
  EXPECT_THAT(matches("[^a-z&&[^b]]", "ab"), ElementsAre("b"));
  EXPECT_THAT(matches("[a[0-9]]+", "a1b2"), ElementsAre("a1", "2"));
  EXPECT_THAT(matches("a(?i)b|c", "aBaCc"), ElementsAre("aB", "aC"));
  EXPECT_THAT(matches("(?m).+", "a\nb"), ElementsAre("a\nb"));
  EXPECT_THAT(matches("^.", "ab\ncd"), ElementsAre("a", "c"));
  EXPECT_THAT(matches("\\p{^L}+", "a12b"), ElementsAre("12"));
  EXPECT_THAT(matches("\\u0041\\x{42}", "AB"), ElementsAre("AB"));
  EXPECT_THAT(matches("[[:digit:]]+", "a12"), ElementsAre("12"));
  EXPECT_THAT(matches("(a)\\1", "aab"), ElementsAre("aa"));
  EXPECT_THAT(matches("x*", "axb"), ElementsAre("", "x", ""));
}

TEST(Regex, KnowsUnicode16) {
  // CJK Extension I (15.1), Garay capital (16), Egyptian hieroglyph (16).
  EXPECT_THAT(matches("\\p{L}+", "\xF0\xAE\xAF\xB0\xF0\x90\xB5\x90\xF0\x93\x91\xA0"), ::testing::SizeIs(1));
  EXPECT_THAT(matches("[^\\p{L}]", "\xF0\xAE\xAF\xB0"), ::testing::IsEmpty());
  EXPECT_THAT(matches("\\s", "\xE1\xA0\x8E"), ::testing::IsEmpty());  // PCRE2's own \s takes U+180E
}

TEST(Regex, RefusesWhatItCannotRead) {
  for (const char* pattern : {"(", ")", "[", "a{2", "*a", "\\p{Nonsense}", "\\p", "a\\", "(?~a)", "(?x)a",
                              "a{99999}", "[b-a]", "(?<n", "\\k<", "[[:nonsense:]]"}) {
    const auto regex = Regex::compile(pattern);
    if (std::string_view(pattern) == "a{2") {
      EXPECT_TRUE(regex) << "a brace that is no repeat is a literal";
      continue;
    }
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::ModelLoading);
    EXPECT_FALSE(regex.error().remedy.empty());
  }
  EXPECT_FALSE(Regex::compile(std::string(kRegexBytesMax + 1, 'a')));
  EXPECT_FALSE(Regex::compile(std::string(1000, '(') + std::string(1000, ')')));
  EXPECT_FALSE(Regex::compile(std::string(1000, '[') + std::string(1000, ']')));
}

TEST(Regex, HostilePatternsEndInTime) {
  const std::string text = std::string(30'000, 'a') + "!";
  for (const char* pattern :
       {"(a+)+$", "(a*)*b", "(a|aa)+c", "(?:a*a*a*a*a*a*)*b", "((?=(a+))a*)*b", "(.*)*x"}) {
    const auto start = std::chrono::steady_clock::now();
    (void)matches(pattern, text);
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_LT(seconds, 15) << pattern;
  }
}

TEST(Regex, LongTextsAreWatched) {
  const std::string text(200'000, 'a');
  EXPECT_THAT(matches("(a*)*[bc]", text), ElementsAre(HasSubstr("takes too long")));
  EXPECT_THAT(matches("a+", text), ::testing::SizeIs(1));
}

}  // namespace
}  // namespace minerva::tokenizers
