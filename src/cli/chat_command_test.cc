#include "cli/chat_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using ::testing::HasSubstr;

TEST(ChatCommand, ReadsCommands) {
  struct Case {
    std::string line;
    ChatAction action;
    std::string argument;
  };
  const std::vector<Case> cases = {
      {"/help", ChatAction::Help, ""},
      {"/exit ", ChatAction::Exit, ""},
      {"/quit", ChatAction::Exit, ""},
      {"/read  my notes.txt ", ChatAction::Read, "my notes.txt"},
      {"/set temp 0.2", ChatAction::Set, "temp 0.2"},
      {"/set", ChatAction::Set, ""},
      {"/tokens", ChatAction::Stats, ""},
  };
  for (const Case& c : cases) {
    const auto command = parse_chat_command(c.line);
    ASSERT_TRUE(command) << c.line;
    ASSERT_TRUE(command->has_value()) << c.line;
    EXPECT_EQ((*command)->action, c.action) << c.line;
    EXPECT_EQ((*command)->argument, c.argument) << c.line;
  }
}

TEST(ChatCommand, LeavesMessagesAlone) {
  for (const char* line : {"hello", "", " /help", "/etc/hosts has what?", "/", "//", "/r2d2", "1/2"}) {
    const auto command = parse_chat_command(line);
    ASSERT_TRUE(command) << line;
    EXPECT_FALSE(command->has_value()) << line;
  }
}

TEST(ChatCommand, SaysWhatIsWrong) {
  EXPECT_THAT(parse_chat_command("/claer").error().remedy, HasSubstr("/clear"));
  EXPECT_THAT(parse_chat_command("/EXIT").error().message, HasSubstr("no command /EXIT"));
  EXPECT_THAT(parse_chat_command("/read").error().message, HasSubstr("needs a file name"));
  EXPECT_THAT(parse_chat_command("/clear now").error().message, HasSubstr("takes nothing"));
}

TEST(ChatCommand, HelpNamesEveryCommandAndFits) {
  const std::string help = chat_help();
  for (const auto& command : chat_commands()) EXPECT_THAT(help, HasSubstr(std::string(command.name)));
  EXPECT_LT(std::ranges::count(help, '\n'), 24);
}

}  // namespace
}  // namespace minerva::cli
