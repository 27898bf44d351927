#include "cli/word_wrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "cli/text_layout.h"

namespace minerva::cli {
namespace {

// What a terminal of `columns` shows of `bytes`: its rows. It knows what WordWrap uses, and waits at the last
// column as terminals do.
std::vector<std::string> screen(const std::string& bytes, int columns) {
  std::vector<std::vector<std::string>> rows(1);
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    if (bytes[i] == '\n') {
      rows.emplace_back();
      at = 0;
      ++i;
    } else if (bytes[i] == '\r') {
      at = 0;
      ++i;
    } else if (bytes[i] == '\x1b') {
      const auto end = bytes.find_first_of("CKm", i);
      if (bytes[end] == 'C') {
        std::size_t columns_right = 0;
        std::from_chars(bytes.data() + i + 2, bytes.data() + end, columns_right);
        at += columns_right;
      }
      if (bytes[end] == 'K') rows.back().resize(std::min(at, rows.back().size()));
      i = end + 1;
    } else {
      const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
      const std::string character = bytes.substr(i, length);
      i += length;
      const bool wide = character == "漢" || character == "字" || character == "。";
      if (character == "\u0301") {
        rows.back().back() += character;
        continue;
      }
      if (at + (wide ? 2 : 1) > static_cast<std::size_t>(columns)) {
        rows.emplace_back();
        at = 0;
      }
      rows.back().resize(at);
      rows.back().push_back(character);
      if (wide) rows.back().emplace_back();
      at = rows.back().size();
    }
  }
  std::vector<std::string> out;
  for (const auto& row : rows) {
    std::string text;
    for (const std::string& cell : row) text += cell;
    out.push_back(text.substr(0, text.find_last_not_of(' ') + 1));
  }
  return out;
}

using Rows = std::vector<std::string>;

// The rows that `text` makes, whether it comes at once or character by character.
Rows wrapped(const std::string& text, int columns) {
  use_utf8_locale();
  WordWrap whole;
  const Rows rows = screen(whole.push(text, columns), columns);
  WordWrap parts;
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    bytes += parts.push(text.substr(i, length), columns);
    i += length;
  }
  EXPECT_EQ(screen(bytes, columns), rows) << "character by character";
  return rows;
}

TEST(WordWrap, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("the quick brown fox", 10), (Rows{"the quick", "brown fox"}));
  EXPECT_EQ(wrapped("the quicker brown", 10), (Rows{"the", "quicker", "brown"}));
  EXPECT_EQ(wrapped("one\ntwo three four", 9), (Rows{"one", "two three", "four"}));
}

TEST(WordWrap, AWordThatJustFitsStays) {
  EXPECT_EQ(wrapped("ab cdefg hi", 8), (Rows{"ab cdefg", "hi"}));
  EXPECT_EQ(wrapped("ab cdefg\nhi", 8), (Rows{"ab cdefg", "hi"}));
  EXPECT_EQ(wrapped("ab cdefg \nhi", 8), (Rows{"ab cdefg", "hi"})) << "the space makes no empty line";
}

TEST(WordWrap, AWordLongerThanALineIsLeftToTheTerminal) {
  EXPECT_EQ(wrapped("see abcdefghijklm now", 5), (Rows{"see", "abcde", "fghij", "klm", "now"}));
}

TEST(WordWrap, CodeIsLeftToTheTerminal) {
  EXPECT_EQ(wrapped("```\nif x then y\n```\nif x then y", 6),
            (Rows{"```", "if x t", "hen y", "```", "if x", "then y"}));
  EXPECT_EQ(wrapped("~~~\na ```\nif x then y\n~~~", 6), (Rows{"~~~", "a ```", "if x t", "hen y", "~~~"}));
  EXPECT_EQ(wrapped("    if x then y", 9), (Rows{"    if x", "then y"}))
      << "the terminal's break, at column 9";
  EXPECT_EQ(wrapped("| ab | cdefg |", 8), (Rows{"| ab | c", "defg |"}));
}

TEST(WordWrap, DeepListsAreNoCode) {
  EXPECT_EQ(wrapped("     - one twelve", 12), (Rows{"     - one", "twelve"}));
  EXPECT_EQ(wrapped("     1. one twelve", 13), (Rows{"     1. one", "twelve"}));
}

TEST(WordWrap, CountsColumnsNotBytes) {
  EXPECT_EQ(wrapped("éé éé éé", 5), (Rows{"éé éé", "éé"}));
  EXPECT_EQ(wrapped("e\u0301e\u0301 e\u0301e\u0301 ab", 5), (Rows{"e\u0301e\u0301 e\u0301e\u0301", "ab"}));
  EXPECT_EQ(wrapped("ab 漢字 ab", 7), (Rows{"ab 漢字", "ab"}));
}

TEST(WordWrap, IdeographsBreakAnywhereButBeforeWhatCloses) {
  EXPECT_EQ(wrapped("漢字漢字漢字", 8), (Rows{"漢字漢字", "漢字"}));
  EXPECT_EQ(wrapped("漢字漢字。", 8), (Rows{"漢字漢", "字。"}));
}

TEST(WordWrap, FollowsTheWidthAsItChanges) {
  WordWrap wrap;
  std::string bytes = wrap.push("one two", 20);
  bytes += wrap.push(" three", 10);
  EXPECT_EQ(screen(bytes, 10), (Rows{"one two", "three"}));
  wrap.continue_at_row_begin();
  EXPECT_EQ(wrap.push("seven six", 10), "seven six") << "counted from the row's beginning";
}

TEST(WordWrap, ColoursHaveNoWidth) {
  EXPECT_EQ(WordWrap().push("\x1b[1;31merror:\x1b[0m abc de", 9), "\x1b[1;31merror:\x1b[0m \nabc de");
}

}  // namespace
}  // namespace minerva::cli
