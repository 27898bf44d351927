#include "text/tokenizer/normal_forms.h"

#include <gtest/gtest.h>

#include <string>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {
namespace {

constexpr NormalForm kNfc{.compatibility = false, .compose = true};
constexpr NormalForm kNfd{.compatibility = false, .compose = false};
constexpr NormalForm kNfkc{.compatibility = true, .compose = true};

TEST(NormalForms, KnownTexts) {
  EXPECT_EQ(normalize("e\u0301", kNfc), "\u00E9");
  EXPECT_EQ(normalize("\u00E9", kNfd), "e\u0301");
  EXPECT_EQ(normalize("\u1E9B\u0323", kNfc), "\u1E9B\u0323");
  EXPECT_EQ(normalize("\u1E9B\u0323", kNfkc), "\u1E69");
  EXPECT_EQ(normalize("\u1100\u1161\u11A8", kNfc), "\uAC01");
  EXPECT_EQ(normalize("\uAC01", kNfd), "\u1100\u1161\u11A8");
  EXPECT_EQ(normalize("a\u0345\u0301\u0316", kNfd), "a\u0316\u0301\u0345");  // ordered by class
  EXPECT_EQ(normalize("\u212B", kNfc), "\u00C5");
  EXPECT_EQ(normalize("\u0958", kNfc), "\u0915\u093C");  // excluded from composition
  EXPECT_EQ(normalize("\uFB01\u2460", kNfkc), "fi1");
}

TEST(NormalForms, LeaveAloneWhatUnicode9DoesNotKnow) {
  EXPECT_EQ(normalize("\uA7F2", kNfkc), "\uA7F2");               // a modifier letter of Unicode 14
  EXPECT_EQ(normalize("\U00011938", kNfd), "\U00011938");        // composed, of Unicode 13
  EXPECT_EQ(normalize("a\u0301\u0897", kNfd), "a\u0301\u0897");  // a mark of Unicode 16: does not move
}

TEST(NormalForms, LongRunsOfMarksAreSortedStably) {
  std::string text = "a";
  std::string expected = "a";
  for (int i = 0; i < 5000; ++i) text += "\u0301\u0316";
  for (int i = 0; i < 5000; ++i) expected += "\u0316";
  for (int i = 0; i < 5000; ++i) expected += "\u0301";
  EXPECT_EQ(normalize(text, kNfd), expected);
}

TEST(NormalForms, SurelyNormalIsNeverWrong) {
  for (char32_t c = 1; c < 0x30000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text = "a";
    append_utf8(text, c);
    for (const NormalForm form : {kNfc, kNfd, kNfkc}) {
      if (surely_normal(text, form)) {
        ASSERT_EQ(normalize(text, form), text) << std::hex << static_cast<unsigned>(c);
      }
    }
  }
  EXPECT_TRUE(surely_normal("Größe, 中文, \u2014 한국어 \U0001F642", kNfc));
  EXPECT_FALSE(surely_normal("e\u0301", kNfc));
}

}  // namespace
}  // namespace minerva::tokenizers
