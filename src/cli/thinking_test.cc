#include "cli/thinking.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using Parts = std::vector<AnswerPart>;

void add(Parts& all, const Parts& more) {
  for (const AnswerPart& part : more) {
    if (!all.empty() && all.back().thinking == part.thinking) {
      all.back().text += part.text;
    } else {
      all.push_back(part);
    }
  }
}

// The parts of `text`, the same however it is cut.
Parts parts_of(const std::string& text, const std::string& prompt = "<|assistant|>\n") {
  Parts whole;
  ThinkingSplitter splitter(prompt);
  add(whole, splitter.push(text));
  add(whole, splitter.finish());
  for (const std::size_t length : {1U, 2U, 5U}) {
    Parts cut;
    ThinkingSplitter other(prompt);
    for (std::size_t i = 0; i < text.size(); i += length) add(cut, other.push(text.substr(i, length)));
    add(cut, other.finish());
    EXPECT_EQ(cut, whole) << "in pieces of " << length;
  }
  return whole;
}

TEST(Thinking, IsToldApart) {
  EXPECT_EQ(parts_of("<think>\nLet me see.\n</think>\n\nFour."),
            (Parts{{true, "Let me see."}, {false, "Four."}}));
}

TEST(Thinking, EachFamilyHasItsMarks) {
  for (const auto& [begin, end] :
       {std::pair<std::string, std::string>("<think>", "</think>"),
        std::pair<std::string, std::string>("[THINK]", "[/THINK]"),
        std::pair<std::string, std::string>("<seed:think>", "</seed:think>"),
        std::pair<std::string, std::string>("\u25C1think\u25B7", "\u25C1/think\u25B7"),
        std::pair<std::string, std::string>("<|START_THINKING|>", "<|END_THINKING|>")}) {
    EXPECT_EQ(parts_of(std::string(begin) + "a" + end + "b"), (Parts{{true, "a"}, {false, "b"}})) << begin;
  }
}

TEST(Thinking, MayBeginInThePrompt) {
  EXPECT_EQ(parts_of("Hm.\n</think>\n\nYes.", "<|assistant|><think>\n"),
            (Parts{{true, "Hm."}, {false, "Yes."}}));
  EXPECT_EQ(parts_of("Yes.", "<|assistant|><think>\n\n</think>\n\n"), (Parts{{false, "Yes."}}));
}

TEST(Thinking, NothingThoughtIsNothing) {
  EXPECT_EQ(parts_of("<think>\n\n</think>\n\nYes."), (Parts{{false, "Yes."}}));
}

TEST(Thinking, MayComeTwice) {
  EXPECT_EQ(parts_of("<think>a</think>\n<think>b</think>\nc"), (Parts{{true, "ab"}, {false, "c"}}));
}

TEST(Thinking, AnAnswerKeepsEveryByte) {
  for (const char* text : {"  indented\n\n", "<thin ice", "<b>bold</b>", "use <think> here", "<", "\n"}) {
    EXPECT_EQ(parts_of(text), (Parts{{false, text}}));
  }
}

TEST(Thinking, CutShortIsStillThinking) {
  EXPECT_EQ(parts_of("<think>\nso far, 1 < 2 </thi"), (Parts{{true, "so far, 1 < 2 </thi"}}));
  EXPECT_EQ(parts_of("<think>a</think>\n<thi"), (Parts{{true, "a"}, {false, "<thi"}}));
}

TEST(Thinking, IsShownAsItComes) {
  ThinkingSplitter splitter("");
  EXPECT_EQ(splitter.push("<think>One"), (Parts{{true, "One"}}));
  EXPECT_TRUE(splitter.is_thinking());
  EXPECT_EQ(splitter.push(" two\n"), (Parts{{true, " two"}})) << "a mark may follow the line end";
  EXPECT_EQ(splitter.push("three"), (Parts{{true, "\nthree"}}));
}

}  // namespace
}  // namespace minerva::cli
