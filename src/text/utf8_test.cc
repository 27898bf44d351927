#include "text/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace minerva {
namespace {

struct Utf8Case {
  const char* name;
  std::string bytes;
  std::string decoded;  // with U+FFFD for what is wrong; equal to bytes when all is valid
};

const std::string kBad = "\xEF\xBF\xBD";

class Utf8Test : public ::testing::TestWithParam<Utf8Case> {};

TEST_P(Utf8Test, WholeStreamDecodes) {
  Utf8Stream stream;
  const std::string text = stream.push(GetParam().bytes);
  EXPECT_EQ(text + stream.finish(), GetParam().decoded);
}

TEST_P(Utf8Test, ByteByByteGivesTheSameAndOnlyWholeCharacters) {
  Utf8Stream stream;
  std::string text;
  for (const char byte : GetParam().bytes) {
    const std::string piece = stream.push(std::string_view(&byte, 1));
    EXPECT_TRUE(is_valid_utf8(piece));
    text += piece;
  }
  EXPECT_EQ(text + stream.finish(), GetParam().decoded);
}

TEST_P(Utf8Test, ValidityAgreesWithDecoding) {
  EXPECT_EQ(is_valid_utf8(GetParam().bytes), GetParam().bytes == GetParam().decoded);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Utf8Test,
    ::testing::Values(Utf8Case{"empty", "", ""}, Utf8Case{"ascii", "hello\n", "hello\n"},
                      Utf8Case{"two_bytes", "\xC3\xA9", "\xC3\xA9"},
                      Utf8Case{"three_bytes", "\xE2\x82\xAC", "\xE2\x82\xAC"},
                      Utf8Case{"four_bytes", "\xF0\x9F\x98\x80!", "\xF0\x9F\x98\x80!"},
                      Utf8Case{"highest", "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
                      Utf8Case{"above_highest", "\xF4\x90\x80\x80", kBad + kBad + kBad + kBad},
                      Utf8Case{"overlong_slash", "\xC0\xAF", kBad + kBad},
                      Utf8Case{"overlong_three", "\xE0\x80\xAF", kBad + kBad + kBad},
                      Utf8Case{"surrogate", "\xED\xA0\x80", kBad + kBad + kBad},
                      Utf8Case{"lone_continuation", "a\x80z", "a" + kBad + "z"},
                      Utf8Case{"truncated_three", "\xE2\x82", kBad},
                      Utf8Case{"truncated_then_ascii",
                               "\xE2\x82"
                               "A",
                               kBad + "A"},
                      Utf8Case{"truncated_four_then_two", "\xF0\x9F\x98\xC3\xA9", kBad + "\xC3\xA9"},
                      Utf8Case{"ff", "\xFF\xFE", kBad + kBad},
                      Utf8Case{"lead_then_lead", "\xC3\xC3\xA9", kBad + "\xC3\xA9"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Utf8Test, NamesTheFirstInvalidByte) {
  EXPECT_EQ(find_invalid_utf8("abc\xFFxyz\xFE"), 3U);
}

}  // namespace
}  // namespace minerva
