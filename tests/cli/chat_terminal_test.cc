// `minerva chat` at a terminal: keys, pastes, the terminal's modes, and how answers are shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

constexpr TerminalSession::Modes kAsFound{.echo = true, .lines = true};
const std::string kModel = (test_data() / "models/llama").string();
constexpr std::string_view kPasteOff = "\x1b[?2004l";

std::string pasted(std::string_view text) {
  return "\x1b[200~" + std::string(text) + "\x1b[201~";
}

class ChatTerminal : public ::testing::Test {
 protected:
  std::map<std::string, std::string> environment() const {
    return {{"HOME", home_.path().string()}, {"TERM", "xterm"}};
  }
  // A chat whose every answer is `answer`, with a model that would have none of its own.
  std::vector<std::string> that_answers(const std::string& answer) const {
    return {"chat", kModel, "-c", "2000", "--choice", answer};
  }
  // What the user said, by /save at the prompt.
  std::vector<std::string> messages(TerminalSession& session) const {
    const std::string file = (home_.path() / "saved.json").string();
    session.type("/save " + file + "\r");
    EXPECT_TRUE(session.wait_for("saved ")) << session.seen();
    std::ifstream in(file);
    std::vector<std::string> out;
    const Json saved = Json::parse(in, nullptr, false);
    for (const Json& message : saved.value("messages", Json::array()))
      if (message["role"] == "user") out.push_back(message["content"]);
    return out;
  }

  TempDir home_;
};

TEST_F(ChatTerminal, APasteIsOneMessage) {
  TerminalSession session(that_answers("Done."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(session.seen(), HasSubstr("\x1b[?2004h"));
  const auto send = [&](const std::string& keys) {
    session.type(keys);
    ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
    ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  };
  send("Look: " + pasted("one\rtwo\r") + "three\r");
  send(pasted("/help\r\ncaf\xC3\xA9\r\n") + "\r");
  send(pasted("\"\"\"A docstring.\"\"\"\nimport os") + "\r");
  send("\"\"\"" + pasted("in\nquotes") + "\"\"\"\r");
  send("by\x1b\rhand\r");
  EXPECT_THAT(messages(session),
              ElementsAre("Look: one\ntwo\nthree", "/help\ncaf\xC3\xA9",
                          "\"\"\"A docstring.\"\"\"\nimport os", "in\nquotes", "by\nhand"));
}

TEST_F(ChatTerminal, KeysAreNotText) {
  TerminalSession session(that_answers("Done."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  // F5, F1, PageUp, Insert, Alt-x, Shift-Up, a mouse, Ctrl-F5, the focus: nothing.
  session.type("ab\x1b[15~\x1bOP\x1b[5~\x1b[2~\x1bx\x1b[1;2A\x1b[<0;1;1M\x1b[15;5~\x1b[I");
  // Home X, End, left, Delete, word left, "Y ".
  session.type(" cd ef\x1b[1~X\x1b[4~\x1b[D\x1b[3~\x1b[1;5DY \x1b[F!\r");
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(messages(session), ElementsAre("Xab cd Y e!"));
}

TEST_F(ChatTerminal, KeysAreNotTextInTheWayOfVi) {
  std::ofstream(home_.path() / ".editrc") << "bind -v\n";
  TerminalSession session(that_answers("Done."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("one two\x1b[1;5DX\x1b[15~\x1b[1~Y\x1b[3~Z" + pasted("a\rb") + "\r");
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(messages(session), ElementsAre("YZa\nbne Xtwo"));
}

TEST_F(ChatTerminal, AUsersBindingsStay) {
  std::ofstream(home_.path() / ".editrc") << "bind ^[[15~ ed-move-to-beg\n";
  TerminalSession session(that_answers("Done."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("one\x1b[15~X\x1b[17~\r");
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(messages(session), ElementsAre("Xone"));
}

TEST_F(ChatTerminal, WhatIsTypedDuringAnAnswerWaits) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  TerminalSession session({"chat", smollm2_gguf().string(), "--no-history", "--ignore-eos", "--temp", "0"},
                          environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("Tell me a long story.\r");
  ASSERT_TRUE(session.wait_for("story.")) << session.seen();
  EXPECT_FALSE(session.modes().echo);
  session.type("QQQ one" + pasted("QQQ\rQQQ"));
  ASSERT_TRUE(session.wait_for(" the ")) << "the answer goes on: " << session.seen();
  session.type("\x03");
  ASSERT_TRUE(session.wait_for("[stopped]")) << session.seen();
  EXPECT_GT(session.seen().find("QQQ"), session.seen().find("[stopped]")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  ASSERT_TRUE(session.wait_for("QQQ one")) << "kept for the next prompt";
  session.type(" dropped\x03");
  ASSERT_TRUE(session.wait_for("> ")) << session.seen();
  session.type("/exit\r");
  EXPECT_EQ(session.wait_for_end(), 0) << session.seen();
  EXPECT_EQ(session.modes(), kAsFound);
}

TEST_F(ChatTerminal, TheTerminalIsLeftAsItWasFound) {
  std::vector<int> signals = {SIGTERM, SIGHUP, SIGQUIT};
  if (!kSanitized) signals.insert(signals.end(), {SIGSEGV, SIGABRT});  // which they handle themselves
  for (const int signal : signals) {
    SCOPED_TRACE(signal);
    TerminalSession session({"chat", kModel, "--no-history"}, environment());
    ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
    EXPECT_FALSE(session.modes().echo);
    session.send_signal(signal);
    EXPECT_EQ(session.wait_for_end(), -signal);
    EXPECT_EQ(session.modes(), kAsFound);
    EXPECT_THAT(session.seen(), HasSubstr(kPasteOff));
  }
}

TEST_F(ChatTerminal, StopsAndGoesOnUnderAShell) {
  auto variables = environment();
  variables["PS1"] = "shell> ";
  TerminalSession session({"--norc", "--noprofile", "--noediting", "-i"}, variables, "/bin/bash");
  ASSERT_TRUE(session.wait_for("shell> ")) << session.seen();
  session.type(minerva_program().string() + " chat --choice Done. " + kModel + "\n");
  ASSERT_TRUE(session.wait_for_prompt("\n> ")) << session.seen();
  session.type("half a");
  ASSERT_TRUE(session.wait_for("half a")) << session.seen();
  session.type("\x1a");
  ASSERT_TRUE(session.wait_for("shell> ")) << session.seen();
  EXPECT_EQ(session.modes(), kAsFound);
  session.type("fg\n");
  ASSERT_TRUE(session.wait_for("> half a")) << "the line is drawn anew: " << session.seen();
  EXPECT_FALSE(session.modes().echo);
  session.type(" line\r");
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(messages(session), ElementsAre("half a line"));
}

TEST_F(ChatTerminal, AResizeDrawsTheLineAnew) {
  TerminalSession session(that_answers("Done."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  const std::string line = "a line that is long enough to stand on two rows once the terminal is narrow";
  session.type(line);
  ASSERT_TRUE(session.wait_for("narrow")) << session.seen();
  session.resize(40);
  ASSERT_TRUE(session.wait_for("\x1b[1A\r\x1b[J> a line that is long"))
      << "from its first row: " << session.seen();
  session.resize(100);
  ASSERT_TRUE(session.wait_for("\r\x1b[J> " + line)) << session.seen();
  session.type("\r");
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  EXPECT_THAT(messages(session), ElementsAre(line));
}

TEST_F(ChatTerminal, AnswersBreakBetweenWords) {
  const std::string answer =
      "This answer is a good deal longer than the eighty columns that a terminal has got here.";
  TerminalSession session(that_answers(answer), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("Hi\r");
  ASSERT_TRUE(session.wait_for("\ngot here.")) << session.seen();
}

TEST_F(ChatTerminal, ThinkingIsToldApart) {
  TerminalSession session(that_answers("<think>\nHm, two\nand two.\n</think>\n\nFour."), environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("What is 2 + 2?\r");
  ASSERT_TRUE(session.wait_for("[thinking]")) << session.seen();
  ASSERT_TRUE(session.wait_for("[answer]")) << session.seen();
  ASSERT_TRUE(session.wait_for("Four.")) << session.seen();
  EXPECT_THAT(session.seen(), HasSubstr("\x1b[2m"));
  EXPECT_THAT(session.seen(), Not(HasSubstr("think>")));
}

TEST_F(ChatTerminal, ThinkingGoesThroughAPipeAsItIs) {
  Start s;
  s.arguments = that_answers("<think>\nHm.\n</think>\n\nFour.");
  s.input = "What is 2 + 2?\n";
  s.environment = environment();
  EXPECT_EQ(run_minerva(s).out, "<think>\nHm.\n</think>\n\nFour.\n");
}

TEST_F(ChatTerminal, AFullContextIsMadeRoomIn) {
  auto arguments = that_answers("Done.");
  arguments.at(3) = "165";
  arguments.insert(arguments.end(), {"-sys", "Be brief."});
  TerminalSession session(arguments, environment());
  const auto send = [&](const std::string& text, std::string_view shown) {
    ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
    session.type(text + "\r");
    ASSERT_TRUE(session.wait_for(shown)) << session.seen();
  };
  const std::string twenty = " a a a a a a a a a a a a a a a a a a a a";
  send("First" + twenty, "Done.");
  send("Second" + twenty, "Done.");
  send("Third" + twenty + twenty + twenty, "no longer fits");
  ASSERT_TRUE(session.wait_for("system prompt stays")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("[Y/n] ")) << session.seen();
  session.type("n\r");
  ASSERT_TRUE(session.wait_for("/drop")) << session.seen();
  send("Third" + twenty + twenty + twenty, "[Y/n] ");
  session.type("\r");
  ASSERT_TRUE(session.wait_for("[forgot ")) << session.seen();
  ASSERT_TRUE(session.wait_for("Done.")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  const auto kept = messages(session);
  ASSERT_FALSE(kept.empty());
  EXPECT_THAT(kept.front(), Not(HasSubstr("First")));
  EXPECT_THAT(kept.back(), HasSubstr("Third"));
}

}  // namespace
}  // namespace minerva::testing
