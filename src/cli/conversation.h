// What was said in a chat so far.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"

namespace minerva::cli {

struct Conversation {
  std::optional<std::string> system;
  std::vector<ChatMessage> messages;  ///< of "user" and "assistant"

  /// The system prompt, what was said, and `question`: what the chat template is given.
  std::vector<ChatMessage> with_question(std::string question) const;
  void add_exchange(std::string question, std::string answer);
  /// Takes the last question and what came after it away and returns it; nothing when there is none.
  std::optional<std::string> take_last_question();
  /// Questions with what came after each.
  std::size_t exchanges() const;
  /// Takes so many away, oldest first, and what stands before the first question.
  void forget_oldest(std::size_t exchanges);

  friend bool operator==(const Conversation&, const Conversation&) = default;
};

/// Writes `conversation` as {"messages": [{"role", "content"}]}, readable by the user only; an existing file
/// is replaced when it holds a conversation, in one step. Errors: InvalidRequest (another file, no
/// permission).
Result<void> save_conversation(const Conversation& conversation, const std::filesystem::path& file);

/// Reads what save_conversation wrote, or any JSON object with such "messages". Errors: InvalidRequest that
/// names what is wrong with the file.
Result<Conversation> load_conversation(const std::filesystem::path& file);

}  // namespace minerva::cli
