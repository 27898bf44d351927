#include "formats/quote.h"

#include <gtest/gtest.h>

namespace minerva {
namespace {

TEST(Quoted, EscapesWhatATerminalOrJsonWouldChokeOn) {
  EXPECT_EQ(quoted("llama.block_count"), "'llama.block_count'");
  EXPECT_EQ(quoted(std::string_view("a\0b\x1b[31m\n", 9)), "'a\\x00b\\x1b[31m\\x0a'");
  EXPECT_EQ(quoted("\xC3\xA4"), "'\xC3\xA4'");
  EXPECT_EQ(quoted("\xC3("), "'\\xc3('");
}

TEST(Quoted, CutsBetweenCharacters) {
  EXPECT_EQ(quoted(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(quoted(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
  EXPECT_EQ(quoted(std::string(63, 'x') + "\xE2\x96\x81\xE2\x96\x81"), "'" + std::string(63, 'x') + "...'");
}

}  // namespace
}  // namespace minerva
