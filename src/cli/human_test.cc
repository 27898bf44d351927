#include "cli/human.h"

#include <gtest/gtest.h>

#include <limits>

namespace minerva::cli {
namespace {

TEST(Human, GroupsDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(8192), "8,192");
  EXPECT_EQ(with_commas(134515008), "134,515,008");
}

TEST(Human, Bytes) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(98'000'000), "98.0 MB");
  EXPECT_EQ(human_bytes(999'960'000), "1.0 GB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "18446.7 PB");
}

TEST(Human, Counts) {
  EXPECT_EQ(human_count(12), "12");
  EXPECT_EQ(human_count(134'515'008), "135 M");
  EXPECT_EQ(human_count(8'030'261'248), "8.03 B");
  EXPECT_EQ(human_count(70'600'000'000), "70.6 B");
}

TEST(Human, WritesOutWhatCannotBeSeen) {
  EXPECT_EQ(visible(" The"), "\" The\"");
  EXPECT_EQ(visible("a\nb\t\x1b"), "\"a\\nb\\t\\x1b\"");
  EXPECT_EQ(visible("\xF0\x9F"), "\"\\xf0\\x9f\"");
  EXPECT_EQ(visible("\xC3\xA9\xFF"), "\"\xC3\xA9\\xff\"");
  EXPECT_EQ(visible(""), "\"\"");
}

}  // namespace
}  // namespace minerva::cli
