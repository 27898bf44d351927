// The commands of a chat: lines that begin with a slash.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva::cli {

enum class ChatAction : unsigned char {
  Help,
  Exit,
  Clear,
  Drop,
  Regenerate,
  Read,
  Set,
  Undo,
  Save,
  Load,
  Stats
};

struct ChatCommandWords {
  std::string_view name;      ///< "/exit"
  std::string_view argument;  ///< as help shows it; empty when it takes none
  std::string_view help;      ///< empty for a second name of the command before
  ChatAction action = ChatAction::Help;
};
std::span<const ChatCommandWords> chat_commands();

struct ChatCommand {
  ChatAction action = ChatAction::Help;
  std::string argument;  ///< without the spaces around it
};

/// The command in `line`, or nothing when it is a message: a path such as "/etc/hosts" is one. Errors:
/// InvalidRequest for a command that does not exist, lacks its argument, or has one too many.
Result<std::optional<ChatCommand>> parse_chat_command(std::string_view line);

/// What /help prints.
std::string chat_help();

}  // namespace minerva::cli
