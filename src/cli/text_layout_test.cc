#include "cli/text_layout.h"

#include <gtest/gtest.h>

namespace minerva::cli {
namespace {

void expect_position(std::wstring_view text, int row, int column) {
  const ScreenPosition at = position_after(text, 10);
  EXPECT_EQ(at.row, row);
  EXPECT_EQ(at.column, column);
}

TEST(TextLayout, CountsRowsAndColumns) {
  use_utf8_locale();
  expect_position(L"", 0, 0);
  expect_position(L"abc", 0, 3);
  expect_position(L"0123456789", 1, 0);
  expect_position(L"0123456789ab", 1, 2);
  expect_position(L"a\nbc\n", 2, 0);
  expect_position(L"ab\tc", 0, 9);
}

TEST(TextLayout, KnowsWideAndJoiningCharacters) {
  use_utf8_locale();
  EXPECT_EQ(width_of(L'a'), 1);
  EXPECT_EQ(width_of(L'\u6F22'), 2);
  EXPECT_EQ(width_of(L'\U0001F600'), 2);
  EXPECT_EQ(width_of(L'\u0301'), 0);
  EXPECT_EQ(width_of(L'\x07'), 0);
  expect_position(L"012345678\u6F22", 1, 2);
}

}  // namespace
}  // namespace minerva::cli
