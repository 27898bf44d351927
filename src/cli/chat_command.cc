#include "cli/chat_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "cli/suggest.h"

namespace minerva::cli {
namespace {

using enum ChatAction;

constexpr auto kCommands = std::to_array<ChatCommandWords>({
    {"/help", "", "this list", Help},
    {"/?", "", "", Help},
    {"/exit", "", "leave (also Ctrl-D)", Exit},
    {"/quit", "", "", Exit},
    {"/clear", "", "forget the conversation; the system prompt stays", Clear},
    {"/drop", "", "forget the oldest question and its answer, to make room", Drop},
    {"/regen", "", "answer the last question anew", Regenerate},
    {"/undo", "", "take back the last question and its answer", Undo},
    {"/read", "FILE", "put a text file before the next message", Read},
    {"/set", "[KEY VALUE]", "change a setting (temp 0.2, system TEXT ...), or show all", Set},
    {"/save", "FILE", "write the conversation to a file", Save},
    {"/load", "FILE", "go on with a saved conversation", Load},
    {"/stats", "", "tokens and speed of the last answer", Stats},
    {"/tokens", "", "", Stats},
});

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool is_command_word(std::string_view word) {
  return word.size() > 1 && word.front() == '/' && std::ranges::all_of(word.substr(1), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '?';
         });
}

std::unexpected<Error> no_such_command(std::string_view word) {
  std::vector<std::string> names;
  for (const auto& command : kCommands) names.emplace_back(command.name);
  const auto meant = suggest(word, names);
  return invalid_request(
      fmt::format("there is no command {}", word),
      meant ? fmt::format("Did you mean {}? /help lists the commands.", *meant)
            : "/help lists the commands; put a space before a message that begins with a slash.");
}

}  // namespace

std::span<const ChatCommandWords> chat_commands() {
  return kCommands;
}

Result<std::optional<ChatCommand>> parse_chat_command(std::string_view line) {
  const auto space = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, space);
  if (!is_command_word(word)) return std::nullopt;
  const auto found = std::ranges::find(kCommands, word, &ChatCommandWords::name);
  if (found == kCommands.end()) return no_such_command(word);
  const std::string_view argument = trimmed(line.substr(space));
  if (argument.empty() && found->argument == "FILE") {
    return invalid_request(fmt::format("{} needs a file name", word),
                           fmt::format("For example: {} notes.txt", word));
  }
  if (!argument.empty() && found->argument.empty()) {
    return invalid_request(fmt::format("{} takes nothing after it", word),
                           "Put a space before a message that begins with a slash.");
  }
  return ChatCommand{.action = found->action, .argument = std::string(argument)};
}

std::string chat_help() {
  std::string out;
  for (auto command = kCommands.begin(); command != kCommands.end(); ++command) {
    if (command->help.empty()) continue;
    std::string left = std::string(command->name);
    if (const auto next = command + 1; next != kCommands.end() && next->help.empty())
      left += fmt::format(", {}", next->name);
    if (!command->argument.empty()) left += fmt::format(" {}", command->argument);
    out += fmt::format("  {:<19} {}\n", left, command->help);
  }
  return out +
         "  \"\"\"                 begin and end a message of several lines; what is pasted is one message\n"
         "  Alt-Enter           begin a new line of the message\n"
         "  Ctrl-C              stop the answer\n";
}

}  // namespace minerva::cli
