#include "runtime/stop_matcher.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

struct StopCase {
  const char* name;
  std::vector<std::string> stops;
  std::vector<std::string> pieces;
  std::string text;
  bool stopped;
};

class StopMatcherTest : public ::testing::TestWithParam<StopCase> {};

TEST_P(StopMatcherTest, TextEndsBeforeTheFirstStop) {
  const StopCase& c = GetParam();
  StopMatcher matcher(c.stops);
  std::string text;
  bool stopped = false;
  for (const std::string& piece : c.pieces) {
    const auto output = matcher.push(piece);
    text += output.text;
    if (output.stopped) {
      stopped = true;
      break;
    }
  }
  if (!stopped) text += matcher.finish();
  EXPECT_EQ(text, c.text);
  EXPECT_EQ(stopped, c.stopped);
}

INSTANTIATE_TEST_SUITE_P(
    Table, StopMatcherTest,
    ::testing::Values(StopCase{"no_stops", {}, {"a", "b"}, "ab", false},
                      StopCase{"empty_stop_is_ignored", {""}, {"ab"}, "ab", false},
                      StopCase{"inside_one_piece", {"END"}, {"one END two"}, "one ", true},
                      StopCase{"across_pieces", {"END"}, {"one E", "N", "D two"}, "one ", true},
                      StopCase{"false_start", {"END"}, {"one EN", "d"}, "one ENd", false},
                      StopCase{"held_back_until_the_end", {"END"}, {"one EN"}, "one EN", false},
                      StopCase{"at_the_start", {"END"}, {"E", "ND"}, "", true},
                      StopCase{"earliest_of_two", {"two", "one"}, {"zero one two"}, "zero ", true},
                      StopCase{"overlapping_start", {"aab"}, {"a", "a", "a", "b"}, "a", true},
                      StopCase{"one_is_prefix_of_other", {"ab", "abc"}, {"xabc"}, "x", true},
                      StopCase{"multibyte", {"\xE2\x82\xAC"}, {"5 \xE2\x82\xAC"}, "5 ", true},
                      StopCase{"newline_pair", {"\n\n"}, {"a\n", "b\n", "\nc"}, "a\nb", true}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(StopMatcherTest, CertainTextIsNotHeldBack) {
  StopMatcher matcher({"STOP"});
  EXPECT_EQ(matcher.push("hello S").text, "hello ");
  EXPECT_EQ(matcher.push("o").text, "So");
}

}  // namespace
}  // namespace minerva
