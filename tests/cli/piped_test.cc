// A text piped in beside a prompt is part of it; a standard input that holds none changes nothing and is not
// waited for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using Json = nlohmann::ordered_json;

class Piped : public ::testing::Test {
 protected:
  void SetUp() override { MINERVA_NEEDS_MODEL(smollm2_gguf()); }

  // The prompt that the model is given with `input` at standard input (absent: /dev/null).
  static std::string prompt(std::vector<std::string> arguments, std::optional<std::string> input) {
    Start start;
    start.arguments = {"run", smollm2_gguf().string(), "-n", "1", "--json"};
    start.arguments.insert(start.arguments.end(), arguments.begin(), arguments.end());
    start.input = std::move(input);
    return prompt_of(run_minerva(start));
  }
  // The prompt of the minerva that a shell's `line` runs: $M, with $RUN as its arguments.
  static std::string in_shell(const std::string& line) {
    return prompt_of(
        run_program("/bin/bash", {"-c", "M='" + minerva_program().string() + "'; RUN=\"run " +
                                            smollm2_gguf().string() + " -n 1 --json --raw\"; " + line}));
  }
  static std::string prompt_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    std::string all;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, false);
      all += (all.empty() ? "" : "|") + (json.is_object() ? json.value("prompt", "none") : line);
    }
    return all;
  }
  static std::string user(const std::string& text) {
    return "<|im_start|>user\n" + text + "<|im_end|>\n<|im_start|>assistant\n";
  }
};

TEST_F(Piped, ComesBeforeThePrompt) {
  using ::testing::EndsWith;
  const TempDir dir;
  const std::string file = dir.write("question.txt", "What is it?\n").string();
  const std::string joined = user("a\nb\n\nWhat is it?");
  for (const std::vector<std::string>& given :
       std::vector<std::vector<std::string>>{{"What is it?"},
                                             {"-p", "What is it?"},
                                             {"-f", file},
                                             {"-p", "What is it?", "-"},
                                             {"--", "What is it?"},
                                             {"-sys", "Be brief.", "-p", "What is it?"}}) {
    EXPECT_THAT(prompt(given, "a\nb\n"), EndsWith(joined)) << given.back();
  }
  EXPECT_EQ(prompt({"--raw", "What is it?"}, "a\nb\n"), "a\nb\nWhat is it?")
      << "with --raw every byte counts";
}

TEST_F(Piped, NothingThereChangesNothing) {
  const std::string alone = prompt({"Hi"}, std::nullopt);
  for (const char* nothing : {"", "\n", " \n\n"}) EXPECT_EQ(prompt({"Hi"}, nothing), alone);
  EXPECT_EQ(in_shell("$M $RUN Hi <&-"), "Hi");
  EXPECT_EQ(in_shell("$M $RUN Hi </dev/zero"), "Hi");
  EXPECT_EQ(in_shell("true | $M $RUN Hi"), "Hi");
}

TEST_F(Piped, ASlowProgramIsWaitedFor) {
  EXPECT_EQ(in_shell("(sleep 2; printf 'late ') | $M $RUN Hi"), "late Hi");
  EXPECT_EQ(in_shell("(sleep 2; printf 'late ') | timeout 100 $M $RUN Hi"), "late Hi");
}

TEST_F(Piped, ALoopKeepsItsLines) {
  const TempDir dir;
  const std::string file = dir.write("lines.txt", "one\ntwo\n").string();
  EXPECT_EQ(in_shell("while read -r line; do $M $RUN -p \"$line\"; done < '" + file + "'"), "one|two");
}

// As a service has it: the parent holds the other end and never writes.
TEST_F(Piped, AnOpenSilentInputDoesNotHang) {
  const TempDir dir;
  const std::string fifo = (dir.path() / "fifo").string();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(in_shell("mkfifo '" + fifo + "'; exec 3<>'" + fifo + "'; $M $RUN Hi <'" + fifo + "'; true"),
            "Hi");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

}  // namespace
}  // namespace minerva::testing
