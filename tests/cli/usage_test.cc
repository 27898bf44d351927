// What a wrong command line gets: exit status 2, a message that names the mistake, and a way out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

struct UsageCase {
  std::vector<std::string> arguments;
  std::string message;
  std::string remedy;
};

std::string line_of(const std::vector<std::string>& arguments) {
  std::string line = "minerva";
  for (const auto& argument : arguments) line += " " + argument;
  return line;
}

const std::vector<UsageCase>& usage_cases() {
  static const std::vector<UsageCase> cases = {
      {{"rnu"}, "there is no command 'rnu'", "minerva run"},
      {{"frobnicate"}, "there is no command 'frobnicate'", "--help"},
      {{"-p", "hi"}, "'-p' is no command", "minerva run -p"},
      {{"Why is the sky blue?"}, "is no command", "minerva run -p \"Why is the sky blue?\""},
      {{"run", "Why is the sky blue?"},
       "first argument is the model",
       "minerva run -p \"Why is the sky blue?\""},
      {{"run", "org/name"}, "'org/name'", "hf download org/name --local-dir name && minerva run name"},
      {{"model.gguf"}, "'model.gguf' is no command", "minerva run model.gguf"},
      {{"org/name", "Hi"}, "'org/name' is no command", "minerva run org/name"},
      {{"run", "hello"}, "no file or directory 'hello'", "with -p, a text for the default model"},
      {{"run", "--ngl", "99"}, "'--ngl' is an option of llama.cpp", "CPU"},
      {{"run", "-"}, "'-' is standard input", "minerva run -p -"},
      {{"run", "-m", "m.gguf", "a", "b"}, "unexpected argument 'b'", "quotes"},
      {{"chat", "-m", "m.gguf", "n.gguf"}, "given twice", "once"},
      {{"run", "-n", "-5"}, "--max-tokens: '-5' is negative", "-1 for no limit"},
      {{"run", "-nkv"}, "unknown option '-nkv'", "minerva run --help"},
      {{"run", "-phello"}, "unknown option '-phello'", "-p hello"},
      {{"chat", "-p", "hi"}, "unknown option '-p'", "an option of run, tokenize and bench"},
      {{"run", "--tmep", "1"}, "unknown option '--tmep'", "Did you mean --temp?"},
      {{"run", "--frequncy-penalty", "1"}, "unknown option", "Did you mean --frequency-penalty?"},
      {{"run", "-Z"}, "unknown option '-Z'", "minerva run --help"},
      {{"run", "m", "a", "b"}, "unexpected argument 'b'", "quotes"},
      {{"run", "-n"}, "option '-n' needs a value", "--max-tokens N"},
      {{"run", "-n", "many"}, "--max-tokens: 'many' is not a whole number", "digits"},
      {{"run", "--temp", "nan"}, "--temp: 'nan' is not a number", "0.7"},
      {{"run", "--temp", "1,5"}, "--temp: '1,5' is not a number", "point"},
      {{"run", "--top-k", "99999999999"}, "too large", "whole number in"},
      {{"run", "-c", "-5"}, "--ctx-size: '-5' is negative", "0 or more"},
      {{"run", "--seed", "18446744073709551616"}, "too large", "whole number"},
      {{"run", "--backend", "cuda"}, "'cuda' is no backend", "llama"},
      {{"run", "--numeric", "half"}, "'half' is not one of exact, fast", "exact"},
      {{"run", "--memory-limit", "much"}, "'much' is not an amount of memory", "2G"},
      {{"run", "--logit-bias", "5"}, "ID+BIAS", "-inf"},
      {{"run", "--prompt-ids", "1,two"}, "'two' is not a token id", "tokenize"},
      {{"run", "--prompt-ids", "1", "-p", "x"}, "both given", "one of them"},
      {{"run", "-p", "x", "-f", "y"}, "given more than once", "one of them"},
      {{"run", "-p", "x", "--top-logprobs", "2"}, "--json", "Add --json"},
      {{"run", "-p", "x", "--raw", "--system", "y"},
       "--system needs the chat template",
       "Leave out --system"},
      {{"run", "-p", "x", "--regex", "a", "--choice", "b"}, "more than one of --json-schema", "one of them"},
      {{"run", "-p", "x", "--json-object", "--ignore-eos"}, "--ignore-eos goes on", "Leave out"},
      {{"chat", "--json-schema", "no-such.json"}, "no-such.json", ""},
      {{"run", "-p", "caf\xe9"}, "not valid UTF-8: byte 3 is 0xE9", "iconv"},
      {{"run", "--color", "pink"}, "'pink'", "always"},
      {{"show", "--temp", "1"}, "unknown option '--temp'", "It is an option of run and chat."},
      {{"show", "/nonexistent/model.gguf"}, "'/nonexistent/model.gguf'", "GGUF file"},
      {{"tokenize", "--jsonl", "-p", "x"}, "--jsonl reads", "Leave"},
      {{"bench", "-r", "0"}, "--repetitions is 0", "[1, 1000]"},
      {{"bench", "-p", "0", "-n", "0"}, "nothing to measure", "-n 64"},
      {{"doctor", "extra"}, "unexpected argument 'extra'", "doctor --help"},
  };
  return cases;
}

// The default model is there, so that nothing but the mistake is reported.
Start with_default_model(std::vector<std::string> arguments) {
  Start start;
  start.arguments = std::move(arguments);
  start.environment = {{"MINERVA_MODEL", smollm2_gguf().string()}};
  return start;
}

TEST(Usage, MistakesAreExplained) {
  for (const UsageCase& c : usage_cases()) {
    const Outcome outcome = run_minerva(with_default_model(c.arguments));
    SCOPED_TRACE(line_of(c.arguments));
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("error: "));
    EXPECT_THAT(outcome.err, HasSubstr(c.message));
    EXPECT_THAT(outcome.err, HasSubstr(c.remedy));
    EXPECT_THAT(outcome.err, HasSubstr("\n  ")) << "the remedy has a line of its own";
  }
}

TEST(Usage, MistakesAreObjectsWithJson) {
  for (const UsageCase& c : usage_cases()) {
    auto arguments = c.arguments;
    arguments.emplace_back("--json");
    if (arguments.size() > 2 && arguments[arguments.size() - 2] == "-n") continue;  // it would be -n's value
    const Outcome outcome = run_minerva(with_default_model(arguments));
    SCOPED_TRACE(line_of(arguments));
    if (c.message == "--json") continue;  // it is no mistake any more
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    const Json json = Json::parse(outcome.out, nullptr, false);
    ASSERT_TRUE(json.is_object()) << outcome.out;
    EXPECT_EQ(json["error"]["code"], "InvalidRequest");
    EXPECT_THAT(json["error"]["message"].get<std::string>(), HasSubstr(c.message));
    EXPECT_THAT(json["error"]["remedy"].get<std::string>(), HasSubstr(c.remedy));
    EXPECT_THAT(outcome.err, StartsWith("error: "));
  }
}

TEST(Usage, NoCommandShowsHelp) {
  const Outcome outcome = run_minerva(std::vector<std::string>{});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("Usage: minerva"));
}

TEST(Usage, HelpAndVersion) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"},
                                             {"-h"},
                                             {"help"},
                                             {"run", "--help"},
                                             {"run", "-h"},
                                             {"help", "chat"},
                                             {"chat", "--help-all"},
                                             {"run", "--no-such-flag", "--help"}}) {
    const Outcome outcome = run_minerva(arguments);
    EXPECT_EQ(outcome.status, 0) << line_of(arguments);
    EXPECT_THAT(outcome.out, HasSubstr("Usage: minerva")) << line_of(arguments);
    EXPECT_EQ(outcome.err, "");
  }
  const Outcome version = run_minerva({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, ::testing::MatchesRegex("minerva [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const Outcome literal = run_minerva({"run", "/nonexistent.gguf", "-p", "--help"});
  EXPECT_EQ(literal.status, 2) << "--help is the prompt here";
}

TEST(Usage, AMissingDefaultModelIsExplained) {
  const TempDir home;
  Start start;
  start.arguments = {"show"};
  start.environment = {{"HOME", home.path().string()},
                       {"MINERVA_MODEL", (home.path() / "none.gguf").string()}};
  const Outcome set = run_minerva(start);
  EXPECT_EQ(set.status, 2);
  EXPECT_THAT(set.err, HasSubstr("MINERVA_MODEL is '"));
  start.environment["MINERVA_MODEL"] = "";
  const Outcome unset = run_minerva(start);
  if (unset.status != 0) {  // a source tree with its models has one
    EXPECT_THAT(unset.err, HasSubstr(home.path().string() + "/.local/share/minerva/models"));
    EXPECT_THAT(unset.err, HasSubstr("set MINERVA_MODEL"));
  }
}

TEST(Usage, NoColourInPipes) {
  const Outcome piped = run_minerva({"rnu"});
  EXPECT_EQ(piped.err.find('\x1b'), std::string::npos);
  const Outcome forced = run_minerva({"run", "/nonexistent.gguf", "--color", "always"});
  EXPECT_NE(forced.err.find("\x1b["), std::string::npos);
}

// Descriptors that are closed at the start are taken by nothing else: no answer goes into a file of ours.
TEST(Usage, ClosedDescriptors) {
  const auto in_shell = [](const std::string& line) {
    return run_program("/bin/sh", {"-c", "'" + minerva_program().string() + "' " + line});
  };
  const Outcome out = in_shell("--version >&-; echo $?");
  EXPECT_EQ(out.out, "1\n");
  EXPECT_THAT(out.err, HasSubstr("cannot write to standard output"));
  EXPECT_THAT(in_shell("--version 2>&-").out, StartsWith("minerva "));
  const Outcome in = in_shell("run -m '" + smollm2_gguf().string() + "' <&-");
  EXPECT_EQ(in.status, 2);
  EXPECT_THAT(in.err, HasSubstr("there is no prompt"));
  // With all three gone, the lock, the model and the new file get none of their numbers.
  const TempDir dir;
  const std::string made = (dir.path() / "x.gguf").string();
  const std::string hf = (test_data() / "models" / "llama").string();
  const Outcome all = in_shell("convert '" + hf + "' -o '" + made + "' --no-tokenizer <&- >&- 2>&-; echo $?");
  EXPECT_EQ(all.out, "1\n");
  EXPECT_EQ(run_minerva({"show", made}).status, 0) << "nothing but the model was written into the file";
}

// However few descriptors there are, a command ends, and says why.
TEST(Usage, FewDescriptorsAreReported) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  const std::string model = (test_data() / "models" / "llama").string();
  for (const char* command :
       {"run --raw -p x -n 1", "chat", "bench -p 8 -n 1 -r 1", "show", "tokenize -p x"}) {
    for (const char* limit : {"4", "5", "6"}) {
      const Outcome outcome = run_program(
          "/bin/sh", {"-c", "ulimit -n " + std::string(limit) + "; exec '" + minerva_program().string() +
                                "' " + command + " -m '" + model + "'"});
      EXPECT_GE(outcome.status, 0) << command << " with " << limit << ": ended by a signal";
      const bool is_said = outcome.err.contains("error: ") || outcome.err.contains("error while loading");
      EXPECT_TRUE(outcome.status == 0 || is_said) << command << ": " << outcome.err;
    }
  }
}

TEST(Usage, AFullDiskIsReported) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  Start start;
  start.arguments = {"--version"};
  start.output_file = "/dev/full";
  const Outcome outcome = run_minerva(start);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot write to standard output: No space left"));
}

}  // namespace
}  // namespace minerva::testing
