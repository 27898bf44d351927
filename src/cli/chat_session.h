// A chat: what was said, the settings, and what each line of input does.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/chat_command.h"
#include "cli/conversation.h"
#include "cli/flags.h"
#include "minerva/generation.h"

namespace minerva::cli {

/// One answer and the prompt that led to it.
struct Turn {
  std::string prompt;
  Generation generation;
};

/// What a chat needs of a model.
class ChatModel {
 public:
  virtual ~ChatModel() = default;
  virtual Result<Turn> answer(const std::vector<ChatMessage>& messages, const GenerationFlags& flags,
                              const TextCallback& on_text, const std::stop_token& stop) = 0;
  /// Errors: InvalidRequest for a setting out of range.
  virtual Result<void> check(const SamplingOptions& sampling) const = 0;
  /// Tokens the conversation may grow to.
  virtual std::uint32_t context_tokens() const = 0;
};

class ChatSession {
 public:
  ChatSession(ChatModel& model, GenerationFlags flags);

  /// Answers `question` and keeps both; a question that failed or was stopped before its first word is not
  /// kept. A file that /read took in goes before it. Errors: those of the model; ContextOverflow says how to
  /// go on.
  Result<Turn> ask(std::string question, const TextCallback& on_text, const std::stop_token& stop);
  /// Answers the last question anew. Errors: InvalidRequest when there is none; the old answer stays on
  /// errors.
  Result<Turn> regenerate(const TextCallback& on_text, const std::stop_token& stop);

  /// Does what a command says, Exit and Regenerate excepted; returns what to tell the user.
  Result<std::string> perform(const ChatCommand& command);

  const Conversation& conversation() const noexcept { return conversation_; }
  const GenerationFlags& flags() const noexcept { return flags_; }

 private:
  Result<std::string> clear();
  Result<std::string> undo();
  Result<std::string> attach(const std::string& file);
  Result<std::string> set(const std::string& text);
  Result<std::string> load(const std::string& file);
  std::string settings() const;
  std::string stats() const;

  ChatModel& model_;
  GenerationFlags flags_;
  Conversation conversation_;
  std::string attached_;  // by /read, for the next question
  std::optional<Generation> last_;
  std::uint64_t regenerations_ = 0;  // of the last question: each needs another seed
};

}  // namespace minerva::cli
