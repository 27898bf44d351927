#include "cli/chat_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace minerva::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempDir;

// Answers "1", "2", ... and remembers what it was asked.
class CountingModel : public ChatModel {
 public:
  Result<Turn> answer(const std::vector<ChatMessage>& messages, const GenerationFlags& flags,
                      const AnswerListener& listener, const std::stop_token&) override {
    asked = messages;
    seed = flags.sampling.seed;
    if (failure) return std::unexpected(*failure);
    Turn turn;
    turn.generation.text = silent ? "" : std::to_string(++answers);
    turn.generation.finish_reason = silent ? FinishReason::Cancelled : FinishReason::Stop;
    turn.generation.prompt_tokens = {1, 2, 3};
    turn.generation.timings.cached_tokens = 2;
    if (listener.on_text) listener.on_text(turn.generation.text);
    return turn;
  }
  // One a character, and ten for each message.
  Result<std::size_t> prompt_tokens(const std::vector<ChatMessage>& messages) const override {
    std::size_t tokens = 0;
    for (const ChatMessage& message : messages) tokens += 10 + message.content.size();
    return tokens;
  }
  Result<void> check(const SamplingOptions& sampling) const override {
    if (sampling.temperature && *sampling.temperature < 0)
      return invalid_request("temperature is out of range", "Less.");
    return {};
  }
  std::uint32_t context_tokens() const override { return context; }

  std::uint32_t context = 8192;
  std::vector<ChatMessage> asked;
  std::optional<std::uint64_t> seed;
  std::optional<Error> failure;
  bool silent = false;
  int answers = 0;
};

struct Fixture {
  CountingModel model;
  ChatSession session{model, {}};
  void ask(const char* question) { ASSERT_TRUE(session.ask(question, {}, {})); }
  Result<std::string> type(const std::string& line) {
    const auto command = parse_chat_command(line);
    if (!command) return std::unexpected(command.error());
    return session.perform(**command);
  }
};

TEST(ChatSession, KeepsTheConversation) {
  Fixture f;
  f.ask("a");
  f.ask("b");
  EXPECT_THAT(f.model.asked,
              ElementsAre(ChatMessage{"user", "a"}, ChatMessage{"assistant", "1"}, ChatMessage{"user", "b"}));
  EXPECT_EQ(f.session.conversation().messages.size(), 4U);
}

TEST(ChatSession, ForgetsAsMuchAsMakesRoom) {
  Fixture f;
  for (const char* question : {"a", "b", "c", "d"}) f.ask(question);  // 22 tokens each
  const auto too_many = [&](std::uint32_t context, const std::string& question) {
    f.model.context = context;
    return f.session.exchanges_too_many(question);
  };
  EXPECT_EQ(too_many(100, "e"), 2U) << "55 of 75 tokens";
  EXPECT_EQ(too_many(60, "e"), 3U);
  EXPECT_EQ(too_many(12, "e"), 4U) << "the question alone fits, if with little room";
  EXPECT_EQ(too_many(11, "e"), 0U) << "nothing would help";
  f.session.forget_oldest(3);
  f.ask("e");
  EXPECT_THAT(f.model.asked,
              ElementsAre(ChatMessage{"user", "d"}, ChatMessage{"assistant", "4"}, ChatMessage{"user", "e"}));
}

TEST(ChatSession, RoomIsForWhatMayBeAnswered) {
  Fixture f;
  f.ask("a");
  f.ask("b");
  ASSERT_TRUE(f.type("/set max_tokens 20"));
  f.model.context = 53;  // 33 tokens with one exchange, 55 with both
  EXPECT_EQ(f.session.exchanges_too_many("e"), 1U);
  f.model.context = 52;
  EXPECT_EQ(f.session.exchanges_too_many("e"), 2U);
  f.model.context = 42;
  EXPECT_EQ(f.session.exchanges_too_many(std::nullopt), 1U) << "the last question anew, without the first";
}

TEST(ChatSession, TheSystemPromptIsNotForgotten) {
  Fixture f;
  ASSERT_TRUE(f.type("/set system Be brief."));
  f.ask("a");
  f.ask("b");
  ASSERT_TRUE(f.type("/drop"));
  f.ask("c");
  EXPECT_THAT(f.model.asked, ElementsAre(ChatMessage{"system", "Be brief."}, ChatMessage{"user", "b"},
                                         ChatMessage{"assistant", "2"}, ChatMessage{"user", "c"}));
  ASSERT_TRUE(f.type("/drop"));
  ASSERT_TRUE(f.type("/drop"));
  EXPECT_FALSE(f.type("/drop")) << "nothing is left";
}

TEST(ChatSession, AFailedQuestionIsNotKept) {
  Fixture f;
  f.ask("a");
  f.model.failure =
      Error{ErrorCode::ContextOverflow, "prompt of 9000 tokens exceeds the context of 8192", "Use -c."};
  const auto turn = f.session.ask("long", {}, {});
  ASSERT_FALSE(turn);
  EXPECT_THAT(turn.error().message, HasSubstr("9000"));
  EXPECT_THAT(turn.error().remedy, HasSubstr("/clear"));
  EXPECT_EQ(f.session.conversation().messages.size(), 2U);
  f.model.failure.reset();
  f.model.silent = true;
  f.ask("stopped before its first word");
  EXPECT_EQ(f.session.conversation().messages.size(), 2U);
}

TEST(ChatSession, AnswersAnew) {
  Fixture f;
  EXPECT_FALSE(f.session.regenerate({}, {})) << "nothing was asked";
  ASSERT_TRUE(f.type("/set seed 10"));
  f.ask("a");
  EXPECT_EQ(f.model.seed, 10U);
  ASSERT_TRUE(f.session.regenerate({}, {}));
  EXPECT_EQ(f.model.seed, 11U) << "the same seed would give the same answer";
  ASSERT_TRUE(f.session.regenerate({}, {}));
  EXPECT_EQ(f.model.seed, 12U);
  EXPECT_THAT(f.session.conversation().messages,
              ElementsAre(ChatMessage{"user", "a"}, ChatMessage{"assistant", "3"}));
  f.model.failure = Error{ErrorCode::Internal, "no", "Report."};
  EXPECT_FALSE(f.session.regenerate({}, {}));
  EXPECT_THAT(f.session.conversation().messages,
              ElementsAre(ChatMessage{"user", "a"}, ChatMessage{"assistant", "3"}))
      << "the old answer stays";
}

TEST(ChatSession, ForgetsAndTakesBack) {
  Fixture f;
  EXPECT_FALSE(f.type("/undo"));
  f.ask("a");
  f.ask("b");
  EXPECT_THAT(*f.type("/undo"), HasSubstr("\"b\""));
  EXPECT_EQ(f.session.conversation().messages.size(), 2U);
  ASSERT_TRUE(f.type("/set system Be kind."));
  ASSERT_TRUE(f.type("/clear"));
  EXPECT_TRUE(f.session.conversation().messages.empty());
  f.ask("c");
  EXPECT_THAT(f.model.asked, ElementsAre(ChatMessage{"system", "Be kind."}, ChatMessage{"user", "c"}));
}

TEST(ChatSession, PutsAFileBeforeTheNextMessage) {
  const TempDir dir;
  const auto file = dir.write("my notes.txt", "The sky is green.\n");
  Fixture f;
  EXPECT_THAT(*f.type("/read " + file.string()), HasSubstr("18 bytes"));
  f.ask("What colour?");
  EXPECT_EQ(f.model.asked.back().content, "The sky is green.\n\nWhat colour?");
  f.ask("Sure?");
  EXPECT_EQ(f.model.asked.back().content, "Sure?");
  ASSERT_TRUE(f.type("/read '" + file.string() + "'"));
  ASSERT_TRUE(f.type("/undo"));
  f.ask("Really?");
  EXPECT_EQ(f.model.asked.back().content, "Really?");
  EXPECT_THAT(f.type("/read " + file.string() + ".none").error().message, HasSubstr("No such file"));
}

TEST(ChatSession, ChangesSettings) {
  Fixture f;
  EXPECT_THAT(*f.type("/set temp 0.2"), HasSubstr("temp = 0.2"));
  EXPECT_FLOAT_EQ(*f.session.flags().sampling.temperature, 0.2F);
  EXPECT_THAT(*f.type("/set top-k 7"), HasSubstr("top_k = 7"));
  EXPECT_THAT(*f.type("/set temperature default"), HasSubstr("temp = default"));
  EXPECT_EQ(f.session.flags().sampling.temperature, std::nullopt);
  EXPECT_THAT(*f.type("/set max_tokens 5"), HasSubstr("max_tokens = 5"));
  EXPECT_EQ(f.session.flags().max_tokens, 5U);
  EXPECT_THAT(*f.type("/set max_tokens -1"), HasSubstr("no limit"));
  const std::string all = *f.type("/set");
  for (const char* name : {"temp", "top_k", "seed", "repeat_last_n", "max_tokens", "system"})
    EXPECT_THAT(all, HasSubstr(name));
}

TEST(ChatSession, RefusesWrongSettings) {
  Fixture f;
  EXPECT_THAT(f.type("/set temp hot").error().message, HasSubstr("temp: 'hot' is not a number"));
  EXPECT_THAT(f.type("/set temp -1").error().message, HasSubstr("out of range"));
  EXPECT_THAT(f.type("/set tmep 1").error().remedy, HasSubstr("Did you mean temp?"));
  EXPECT_THAT(f.type("/set temp").error().message, HasSubstr("not a number"));
  EXPECT_THAT(f.type("/set max_tokens many").error().message, HasSubstr("many"));
  EXPECT_EQ(f.session.flags().sampling.temperature, std::nullopt);
}

TEST(ChatSession, SavesAndLoads) {
  const TempDir dir;
  const std::string file = (dir.path() / "talk.json").string();
  Fixture f;
  f.ask("a");
  EXPECT_THAT(*f.type("/save " + file), HasSubstr("saved 2 messages"));
  Fixture g;
  EXPECT_THAT(*g.type("/load " + file), HasSubstr("loaded 2 messages"));
  EXPECT_EQ(g.session.conversation(), f.session.conversation());
  EXPECT_FALSE(g.type("/load " + file + ".none"));
  EXPECT_EQ(g.session.conversation().messages.size(), 2U) << "a file that can't be read changes nothing";
}

TEST(ChatSession, TellsTokens) {
  Fixture f;
  EXPECT_THAT(*f.type("/stats"), HasSubstr("nothing"));
  f.ask("a");
  EXPECT_THAT(*f.type("/tokens"), HasSubstr("3 of 8,192 tokens"));
  EXPECT_THAT(*f.type("/tokens"), HasSubstr("2 from the cache"));
}

}  // namespace
}  // namespace minerva::cli
