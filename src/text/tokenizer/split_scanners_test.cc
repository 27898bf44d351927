// The hand-written scanners against the regular expressions that they stand for.
#include "text/tokenizer/split_scanners.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "text/tokenizer/regex.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {
namespace {

constexpr std::array<std::string_view, 44> kSnippets = {" ",
                                                        "  ",
                                                        "\t",
                                                        "\n",
                                                        "\r\n",
                                                        "\r",
                                                        "\xC2\xA0",
                                                        "\xE3\x80\x80",
                                                        "\xE2\x80\xA8",
                                                        "a",
                                                        "b",
                                                        "Z",
                                                        "É",
                                                        "ß",
                                                        "ǅ",
                                                        "ʰ",
                                                        "ª",
                                                        "中",
                                                        "한",
                                                        "\xCC\x81",
                                                        "\xE2\x83\xA3",
                                                        "1",
                                                        "22",
                                                        "٣",
                                                        "Ⅷ",
                                                        "½",
                                                        ".",
                                                        "!?",
                                                        "'",
                                                        "'s",
                                                        "'LL",
                                                        "'Re",
                                                        "'ſ",
                                                        "/",
                                                        "//",
                                                        "$",
                                                        "€",
                                                        "🙂",
                                                        "👍🏽",
                                                        "\xEF\xBB\xBF",
                                                        "\xE2\x80\x8D",
                                                        "_",
                                                        "\xF0\x91\xA4\x80",
                                                        "\xF0\xB0\xBB\xBF"};

std::string random_text(std::mt19937& random) {
  std::string text;
  const std::size_t length = random() % 24;
  for (std::size_t i = 0; i < length; ++i) {
    if (random() % 8 == 0) {
      char32_t c = 0;
      do {
        c = static_cast<char32_t>(random() % 0x30000);
      } while (c >= 0xD800 && c <= 0xDFFF);
      append_utf8(text, c);
    } else {
      text += kSnippets[random() % kSnippets.size()];
    }
  }
  return text;
}

std::vector<std::string> by_scanner(SplitScanner scan, const std::string& text) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = scan(text, at);
    if (end <= at || end > text.size()) return {"the scanner stands still or runs away"};
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  return pieces;
}

class SplitScanners : public ::testing::TestWithParam<KnownPattern> {};

TEST_P(SplitScanners, MatchWhatTheirRegexMatches) {
  const auto regex = Regex::compile(GetParam().regex);
  ASSERT_TRUE(regex) << regex.error().message;
  std::mt19937 random(20240607);
  for (int round = 0; round < 4000; ++round) {
    const std::string text = random_text(random);
    std::vector<std::string> expected;
    const auto done = regex->for_each_match(
        text, TimeBudget::start(),
        [&](std::size_t begin, std::size_t end) { expected.push_back(text.substr(begin, end - begin)); });
    ASSERT_TRUE(done);
    ASSERT_EQ(by_scanner(GetParam().scanner, text), expected) << "text: " << text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SplitScanners, ::testing::ValuesIn(known_patterns()), [](const auto& entry) {
  std::string name(entry.param.name);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(FindScanner, KnowsOnlyExactPatterns) {
  EXPECT_EQ(find_scanner("\\s+"), nullptr);
  EXPECT_NE(find_scanner(known_patterns()[0].regex), nullptr);
}

}  // namespace
}  // namespace minerva::tokenizers
