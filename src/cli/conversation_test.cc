#include "cli/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "support/temp_dir.h"

namespace minerva::cli {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

Conversation example() {
  Conversation c;
  c.system = "Be brief.";
  c.add_exchange("one", "1");
  c.add_exchange("two\n\"quoted\" \xC3\xA9", "2");
  return c;
}

TEST(Conversation, GivesTheTemplateEverything) {
  const auto messages = example().with_question("three");
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages.front(), (ChatMessage{"system", "Be brief."}));
  EXPECT_EQ(messages[2], (ChatMessage{"assistant", "1"}));
  EXPECT_EQ(messages.back(), (ChatMessage{"user", "three"}));
}

TEST(Conversation, TakesBackTheLastQuestion) {
  Conversation c = example();
  EXPECT_EQ(c.take_last_question(), "two\n\"quoted\" \xC3\xA9");
  EXPECT_EQ(c.messages.size(), 2U);
  EXPECT_EQ(c.take_last_question(), "one");
  EXPECT_EQ(c.take_last_question(), std::nullopt);
  EXPECT_TRUE(c.messages.empty());
}

TEST(Conversation, SurvivesAFile) {
  const TempDir dir;
  const auto file = dir.path() / "talk.json";
  ASSERT_TRUE(save_conversation(example(), file));
  EXPECT_EQ(*load_conversation(file), example());
  struct stat status{};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  Conversation shorter;
  shorter.add_exchange("a", "b");
  ASSERT_TRUE(save_conversation(shorter, file)) << "replaces a conversation";
  EXPECT_EQ(*load_conversation(file), shorter);
}

TEST(Conversation, DoesNotOverwriteOtherFiles) {
  const TempDir dir;
  const auto file = dir.write("thesis.tex", "years of work");
  const auto result = save_conversation(example(), file);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("holds no conversation"));
  std::ifstream in(file);
  std::string content;
  std::getline(in, content);
  EXPECT_EQ(content, "years of work");
}

TEST(Conversation, SaysWhatIsWrongWithAFile) {
  const TempDir dir;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no JSON object"},
      {"[]", "no JSON object"},
      {"{\"messages\": 5}", "list"},
      {"{\"messages\": [5]}", "message 0 has no role"},
      {"{\"messages\": [{\"role\": \"user\"}]}", "message 0 has no role and content"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"king\", \"content\": \"x\"}]}",
       "message 1 has the role 'king'"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"system\", \"content\": "
       "\"x\"}]}",
       "'system'"},
      {"\xff", "UTF-8"},
  };
  for (const auto& [content, message] : cases) {
    const auto result = load_conversation(dir.write("c.json", content));
    ASSERT_FALSE(result) << content;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(result.error().message, HasSubstr(message));
  }
  EXPECT_THAT(load_conversation(dir.path() / "none").error().message, HasSubstr("No such file"));
  EXPECT_FALSE(save_conversation(example(), dir.path() / "none/c.json"));
}

}  // namespace
}  // namespace minerva::cli
