// Man page, completions and --help name the flags that the program takes: no more, no less.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <string>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/foreign_options.h"
#include "cli/help.h"
#include "cli/process.h"
#include "runtime/sampling_settings.h"
#include "support/paths.h"

namespace minerva::cli {
namespace {

using ::testing::HasSubstr;

std::string file_text(const std::string& name) {
  std::ifstream file(testing::source_root() / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A command with its flags declared.
struct Declared {
  std::unique_ptr<Command> command;
  std::unique_ptr<Arguments> arguments = std::make_unique<Arguments>();

  explicit Declared(std::unique_ptr<Command> given) : command(std::move(given)) {
    command->declare(*arguments);
  }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const Flag& flag : arguments->flags()) all.insert(flag.names.begin(), flag.names.end());
    return all;
  }
};

std::vector<Declared> all_commands() {
  std::vector<Declared> all;
  for (auto& command : make_commands()) all.emplace_back(std::move(command));
  return all;
}

std::set<std::string> all_names() {
  std::set<std::string> all;
  for (const Declared& each : all_commands()) all.merge(each.names());
  return all;
}

// What looks like a flag in `text`.
std::set<std::string> flags_in(const std::string& text) {
  static const std::regex pattern(R"((^|[^\w-])(--[a-z][a-z-]*[a-z]|-[a-z]{1,3})(?![\w-]))");
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
    found.insert(it->str(2));
  return found;
}

// The man page's source as it reads: "\-\-top\-k" is --top-k, font changes are nothing.
std::string man_text() {
  std::string text = std::regex_replace(file_text("docs/minerva.1"), std::regex(R"(\\f[BIR])"), "");
  text = std::regex_replace(text, std::regex(R"(\\-)"), "-");
  return text;
}

TEST(Documentation, ManPageNamesEveryFlagAndNoOther) {
  const std::set<std::string> written = flags_in(man_text());
  for (const std::string& name : all_names())
    EXPECT_TRUE(written.contains(name)) << "docs/minerva.1 lacks " << name;
  std::set<std::string> known = all_names();
  known.insert({"--version", "-inf"});
  for (const std::string& name : written)
    EXPECT_TRUE(known.contains(name)) << "docs/minerva.1 invents " << name;
}

TEST(Documentation, ManPageHasEveryCommandAndJsonKey) {
  const std::string man = man_text();
  for (const Declared& each : all_commands()) {
    EXPECT_THAT(man, HasSubstr(".B " + std::string(each.command->text().name) + "\n"));
  }
  for (const char* key :
       {"fallbacks", "numeric_mode", "prompt_tokens", "finish_reason", "cached_tokens", "peak_rss_bytes"}) {
    EXPECT_THAT(man, HasSubstr(key));
  }
}

TEST(Documentation, CompletionsNameEveryFlagOfEveryCommand) {
  const std::string zsh = file_text("tools/completions/_minerva");
  const std::set<std::string> in_zsh = flags_in(std::regex_replace(zsh, std::regex("[{},\\[\\]]"), " "));
  const std::string bash = file_text("tools/completions/minerva.bash");
  const std::set<std::string> in_bash = flags_in(bash);
  for (const std::string& name : all_names()) {
    EXPECT_TRUE(in_bash.contains(name)) << "minerva.bash lacks " << name;
    EXPECT_TRUE(in_zsh.contains(name)) << "_minerva lacks " << name;
  }
  for (const Declared& each : all_commands()) {
    const std::string name(each.command->text().name);
    EXPECT_THAT(bash, HasSubstr("    " + name + ") echo")) << "minerva.bash";
    EXPECT_THAT(zsh, HasSubstr("    " + name + ")")) << "_minerva";
  }
}

// Bash itself says what it would complete.
TEST(Documentation, BashCompletionOffersExactlyTheFlags) {
  if (std::ifstream("/bin/bash").fail()) GTEST_SKIP() << "bash is missing";
  for (const Declared& each : all_commands()) {
    const std::string name(each.command->text().name);
    const std::string script = "source '" + testing::source_root().string() +
                               "/tools/completions/minerva.bash'; printf '%s\\n' $(_minerva_flags " + name +
                               ")";
    const auto outcome = testing::run_program("/bin/bash", {"-c", script});
    std::set<std::string> offered;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) offered.insert(line);
    EXPECT_EQ(offered, each.names()) << name;
  }
}

// Every option that llama.cpp takes, as its source declares them.
std::set<std::string> llama_options() {
  std::ifstream file(testing::llama_source() / "common" / "arg.cpp");
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  static const std::regex pattern(R"re("(-[A-Za-z]{2,}[A-Za-z-]*|--[a-z][a-z0-9.-]+)")re");
  std::set<std::string> names;
  for (std::sregex_iterator it(source.begin(), source.end(), pattern), end; it != end; ++it)
    names.insert(it->str(1));
  return names;
}

// None of them is taken apart: it is an option here, or an error that names the whole of it.
TEST(Documentation, OptionsOfLlamaCppAreAnsweredByTheirName) {
  const std::set<std::string> names = llama_options();
  if (names.empty()) GTEST_SKIP() << "llama.cpp's tools are not in its source tree";
  EXPECT_GT(names.size(), 200U);
  for (const std::string& name : names) {
    const Declared run(make_run_command());
    if (run.names().contains(name)) continue;
    const auto result = run.arguments->parse({"m.gguf", name, "5"});
    ASSERT_FALSE(result) << name;
    EXPECT_THAT(result.error().message, HasSubstr("'" + name + "'"));
  }
}

// What is advised for the options of other tools are options that there are.
TEST(Documentation, AdviceOnForeignOptionsNamesRealFlags) {
  std::set<std::string> known = all_names();
  known.insert({"--local-dir", "--help"});  // hf download's
  int answered = 0;
  for (const std::string& name : llama_options()) {
    const auto foreign = foreign_option(name);
    if (!foreign) continue;
    ++answered;
    for (const std::string& flag : flags_in(foreign->remedy))
      EXPECT_TRUE(known.contains(flag)) << name << ": " << foreign->remedy;
  }
  EXPECT_TRUE(answered == 0 || answered > 150) << answered;
}

TEST(Documentation, ShortHelpFitsAScreen) {
  for (const Declared& each : all_commands()) {
    const std::string help = short_help(each.command->text(), *each.arguments);
    EXPECT_LE(std::ranges::count(help, '\n'), 24) << help;
    EXPECT_THAT(help, HasSubstr("Examples:"));
    EXPECT_THAT(help, HasSubstr("--help-all"));
  }
  EXPECT_LE(std::ranges::count(program_help(make_commands()), '\n'), 24);
}

TEST(Documentation, HelpIsNoWiderThanAScreen) {
  std::string all = program_help(make_commands());
  for (const Declared& each : all_commands()) {
    all +=
        short_help(each.command->text(), *each.arguments) + full_help(each.command->text(), *each.arguments);
  }
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Documentation, FullHelpNamesEveryFlag) {
  for (const Declared& each : all_commands()) {
    const std::set<std::string> written = flags_in(full_help(each.command->text(), *each.arguments));
    for (const std::string& name : each.names())
      EXPECT_TRUE(written.contains(name)) << each.command->text().name << " " << name;
  }
}

// The defaults in the help are those of the sampler.
TEST(Documentation, HelpStatesTheRealDefaults) {
  const SamplingSettings defaults;
  const Declared run(make_run_command());
  const std::string help = full_help(run.command->text(), *run.arguments);
  const auto expect_default = [&](const std::string& flag, double value) {
    const auto at = help.find(flag);
    ASSERT_NE(at, std::string::npos) << flag;
    const std::string line = help.substr(at, help.find("\n  ", at + 60) - at);
    std::smatch match;
    ASSERT_TRUE(std::regex_search(line, match, std::regex(R"(\((-?[0-9.]+)\))"))) << line;
    EXPECT_NEAR(std::stod(match.str(1)), value, 1e-6) << line;
  };
  expect_default("--temp,", static_cast<double>(defaults.temperature));
  expect_default("--top-k", defaults.top_k);
  expect_default("--top-p", static_cast<double>(defaults.top_p));
  expect_default("--min-p", static_cast<double>(defaults.min_p));
  expect_default("--typical,", static_cast<double>(defaults.typical_p));
  expect_default("--repeat-penalty,", static_cast<double>(defaults.repetition_penalty));
  expect_default("--repeat-last-n", defaults.penalty_last_n);
  expect_default("--presence-penalty", static_cast<double>(defaults.presence_penalty));
  expect_default("--frequency-penalty", static_cast<double>(defaults.frequency_penalty));
  expect_default("--batch-size", ModelOptions{}.batch_tokens);
}

}  // namespace
}  // namespace minerva::cli
