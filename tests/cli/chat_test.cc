// `minerva chat` through pipes and at a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

class Chat : public ::testing::Test {
 protected:
  void SetUp() override { MINERVA_NEEDS_MODEL(smollm2_gguf()); }

  std::map<std::string, std::string> environment() const {
    return {{"MINERVA_MODEL", smollm2_gguf().string()}, {"HOME", home_.path().string()}, {"TERM", "xterm"}};
  }
  Outcome piped(std::string input, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"chat", "--temp", "0", "-n", "16"});
    Start s;
    s.arguments = std::move(arguments);
    s.input = std::move(input);
    s.environment = environment();
    return run_minerva(s);
  }

  TempDir home_;
};

std::vector<Json> objects(const std::string& text) {
  std::vector<Json> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line, nullptr, false));
  return out;
}

TEST_F(Chat, AnswersLinesFromAPipe) {
  const Outcome outcome = piped("Name a colour.\nName another.\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr(">"))) << "no prompts";
  EXPECT_GE(std::ranges::count(outcome.out, '\n'), 2);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Chat, JsonGivesAnObjectATurn) {
  const Outcome outcome = piped("My name is Ada.\nWhat is my name?\n/help\n", {"--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto turns = objects(outcome.out);
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_EQ(turns[0]["timings"]["cached_tokens"], 0);
  EXPECT_GT(turns[1]["timings"]["cached_tokens"].get<int>(), 20)
      << "the conversation so far is not computed again";
  EXPECT_THAT(turns[1]["prompt"].get<std::string>(), HasSubstr("My name is Ada."));
  EXPECT_THAT(turns[1]["prompt"].get<std::string>(), HasSubstr(turns[0]["text"].get<std::string>()));
  EXPECT_THAT(turns[2]["prompt"].get<std::string>(), HasSubstr("<|im_start|>user\n/help<|im_end|>"))
      << "no commands with --json";
  EXPECT_GT(turns[0]["timings"]["load_ms"].get<double>(), 0);
  EXPECT_EQ(turns[1]["timings"]["load_ms"], 0);
}

TEST_F(Chat, ATurnComputesOnlyWhatIsNew) {
  for (const char* backend : {"llama", "native"}) {
    SCOPED_TRACE(backend);
    const Outcome outcome =
        piped("My name is Ada.\nWhat is my name?\nAnd yours?\n", {"--json", "--backend", backend});
    const auto turns = objects(outcome.out);
    ASSERT_EQ(turns.size(), 3U) << outcome.err;
    for (std::size_t i = 1; i < turns.size(); ++i) {
      // The last token of an answer was chosen and not computed.
      const auto before = turns[i - 1]["prompt_tokens"].size() + turns[i - 1]["tokens"].size() - 1;
      EXPECT_EQ(turns[i]["timings"]["cached_tokens"], before);
      EXPECT_EQ(turns[i]["timings"]["prefill_tokens"], turns[i]["prompt_tokens"].size() - before);
    }
  }
}

TEST_F(Chat, JsonReportsAFailedTurnAndGoesOn) {
  const Outcome outcome = piped("\nbad \xff bytes\nHello\n", {"--json"});
  const auto turns = objects(outcome.out);
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_EQ(turns[0]["error"]["code"], "InvalidRequest");
  EXPECT_THAT(turns[1]["error"]["message"].get<std::string>(), HasSubstr("UTF-8"));
  EXPECT_TRUE(turns[2].contains("text"));
  EXPECT_EQ(outcome.status, 2);
}

TEST_F(Chat, CommandsWorkInAPipe) {
  const auto file = home_.write("facts.txt", "The code word is PELICAN.\n");
  const std::string saved = (home_.path() / "talk.json").string();
  const Outcome outcome =
      piped("/read " + file.string() + "\nWhat is the code word?\n/stats\n/save " + saved +
            "\n/undo\n/set temp 0.5\n/set\n/clear\n/load " + saved + "\n/regen\n/exit\nnever asked\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("read 26 bytes"));
  EXPECT_THAT(outcome.err, HasSubstr("of 8,192 tokens"));
  EXPECT_THAT(outcome.err, HasSubstr("saved 2 messages"));
  EXPECT_THAT(outcome.err, HasSubstr("temp = 0.5"));
  EXPECT_THAT(outcome.err, HasSubstr("loaded 2 messages"));
  std::ifstream in(saved);
  const Json talk = Json::parse(in);
  EXPECT_EQ(talk["messages"][0]["content"], "The code word is PELICAN.\n\nWhat is the code word?");
}

TEST_F(Chat, SeveralLinesAreOneMessage) {
  const std::string saved = (home_.path() / "talk.json").string();
  const Outcome outcome = piped("\"\"\"one\ntwo\n\"\"\"\n/save " + saved + "\n\"\"\"\nthree\nfour");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::ifstream in(saved);
  EXPECT_EQ(Json::parse(in)["messages"][0]["content"], "one\ntwo");
}

TEST_F(Chat, WrongCommandsAreExplained) {
  const Outcome outcome = piped("/claer\n/set tmep 1\n/set temp -1\n/load nothing.json\n/regen\n");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("Did you mean /clear?"));
  EXPECT_THAT(outcome.err, HasSubstr("Did you mean temp?"));
  EXPECT_THAT(outcome.err, HasSubstr("out of range"));
  EXPECT_THAT(outcome.err, HasSubstr("No such file"));
  EXPECT_THAT(outcome.err, HasSubstr("no question"));
}

TEST_F(Chat, AnOverflowSaysBothNumbersAndHowToGoOn) {
  std::string much;
  for (int i = 0; i < 200; ++i) much += "word ";
  const Outcome outcome = piped(much + "\nHi\n", {"-c", "128"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("128"));
  EXPECT_THAT(outcome.err, HasSubstr("/clear"));
  EXPECT_NE(outcome.out, "") << "the next message is answered";
}

TEST_F(Chat, CtrlCEndsAPipedSession) {
  Start s;
  s.arguments = {"chat", "--ignore-eos", "-n", "5000"};
  s.input = "Tell me a long story.\nAnd another.\n";
  s.environment = environment();
  s.interrupt_after = 10;
  const Outcome outcome = run_minerva(s);
  EXPECT_EQ(outcome.status, 130);
}

TEST_F(Chat, EditsLinesAtATerminal) {
  TerminalSession session({"chat", "--temp", "0", "-n", "4"}, environment());
  const auto type_and_see = [&](std::string_view keys, std::string_view answer) {
    ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
    session.type(keys);
    ASSERT_TRUE(session.wait_for(answer)) << session.seen();
  };
  ASSERT_TRUE(session.wait_for("/help lists")) << session.seen();
  type_and_see("/set temp 0.2x\x7f\r", "temp = 0.2\r\n");            // backspace takes the x away
  type_and_see("/set system caf\xC3\xA9\x02\x02s\r", "is changed");  // two to the left, then an s
  type_and_see("/set\r", "\"casf\xC3\xA9\"");
  type_and_see("\x1b[A\x1b[A\x1b[A\r", "temp = 0.2\r\n");  // arrow up: the first line again
  type_and_see("Hi\r", "\n");
  // A word, not Ctrl-D: typed between an answer and the next prompt, the terminal would swallow that.
  type_and_see("/exit\r", "");
  EXPECT_EQ(session.wait_for_end(), 0) << session.seen();
  const auto history = home_.path() / ".local/state/minerva/history";
  struct stat status{};
  ASSERT_EQ(stat(history.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Chat, CtrlCAtATerminalStopsTheAnswerOnly) {
  TerminalSession session({"chat", "--no-history", "--ignore-eos"}, environment());
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("Tell me a long story.\r");
  ASSERT_TRUE(session.wait_for("\n")) << session.seen();
  ASSERT_TRUE(session.wait_for("e")) << "the answer begins";
  session.type("\x03");
  ASSERT_TRUE(session.wait_for("[stopped]")) << session.seen();
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("half a line\x03");
  ASSERT_TRUE(session.wait_for_prompt("> ")) << session.seen();
  session.type("/stats\r");
  ASSERT_TRUE(session.wait_for("of 8,192 tokens")) << session.seen();
  session.type("\x03");
  ASSERT_TRUE(session.wait_for("Ctrl-C again")) << session.seen();
  session.type("\x03");
  EXPECT_EQ(session.wait_for_end(), 0) << session.seen();
  EXPECT_FALSE(std::filesystem::exists(home_.path() / ".local/state/minerva/history"));
}

}  // namespace
}  // namespace minerva::testing
