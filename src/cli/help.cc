#include "cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace minerva::cli {
namespace {

constexpr std::size_t kHelpColumn = 29;

std::string flag_line(const Flag& flag) {
  const bool has_short = !flag.names.front().starts_with("--");
  std::string left = fmt::format("  {}{}", has_short ? "" : "    ", fmt::join(flag.names, ", "));
  if (!flag.value.empty()) left += " " + flag.value;
  if (left.size() + 2 > kHelpColumn) return fmt::format("{}\n{:{}}{}\n", left, "", kHelpColumn, flag.help);
  return fmt::format("{:<{}}{}\n", left, kHelpColumn, flag.help);
}

// With its short names and its first long one only.
Flag abridged(const Flag& flag) {
  Flag brief = flag;
  brief.names.clear();
  for (const std::string& name : flag.names) {
    const bool is_long = name.starts_with("--");
    brief.names.push_back(name);
    if (is_long) break;
  }
  return brief;
}

std::string head(const CommandText& text) {
  return fmt::format("Usage: minerva {} {}\n\n{}\n", text.name, text.synopsis, text.about);
}

std::string examples(const CommandText& text) {
  return fmt::format("\nExamples:\n  {}\n", fmt::join(text.examples, "\n  "));
}

}  // namespace

std::string program_help(std::span<const std::unique_ptr<Command>> commands) {
  std::string out =
      "Usage: minerva COMMAND [MODEL] [options]\n\n"
      "Runs language models on this machine's CPU; no GPU is used.\n\nCommands:\n";
  for (const auto& command : commands)
    out += fmt::format("  {:<11}{}\n", command->text().name, command->text().summary);
  out +=
      "\nMODEL is a GGUF file or a Hugging Face directory; without one the default model\n"
      "is used (MINERVA_MODEL, else SmolLM2-135M-Instruct where it is installed).\n"
      "\nExamples:\n"
      "  minerva run -p \"Why is the sky blue?\"\n"
      "  minerva chat models/llama-3.gguf\n"
      "\nminerva COMMAND --help shows a command's options, minerva --version the version.\n";
  return out;
}

std::string short_help(const CommandText& text, const Arguments& arguments) {
  std::string out = head(text) + "\n";
  for (const Flag& flag : arguments.flags()) {
    if (flag.listed == Listed::InShort) out += flag_line(abridged(flag));
  }
  return out + "      --help-all             every option\n" + examples(text);
}

std::string full_help(const CommandText& text, const Arguments& arguments) {
  std::string out = head(text);
  std::string group;
  for (const Flag& flag : arguments.flags()) {
    if (flag.group != group) out += fmt::format("\n{}:\n", flag.group);
    group = flag.group;
    out += flag_line(flag);
  }
  return out + examples(text);
}

}  // namespace minerva::cli
