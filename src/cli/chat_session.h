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

/// Who is told how an answer comes along; either may be empty.
struct AnswerListener {
  /// The prompt and its tokens, before anything is computed.
  std::function<void(std::string_view prompt, std::size_t tokens)> on_prompt;
  TextCallback on_text;
};

/// What a chat needs of a model.
class ChatModel {
 public:
  virtual ~ChatModel() = default;
  virtual Result<Turn> answer(const std::vector<ChatMessage>& messages, const GenerationFlags& flags,
                              const AnswerListener& listener, const std::stop_token& stop) = 0;
  /// Tokens of the prompt that `messages` make.
  virtual Result<std::size_t> prompt_tokens(const std::vector<ChatMessage>& messages) const = 0;
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
  Result<Turn> ask(std::string question, const AnswerListener& listener, const std::stop_token& stop);
  /// Answers the last question anew. Errors: InvalidRequest when there is none; the old answer stays on
  /// errors.
  Result<Turn> regenerate(const AnswerListener& listener, const std::stop_token& stop);

  /// How many of the oldest exchanges have to be forgotten to make room for `question`, or for the last one
  /// anew, and an answer of some length; 0 when that would not do.
  std::size_t exchanges_too_many(const std::optional<std::string>& question) const;
  /// Forgets so many; the system prompt stays.
  void forget_oldest(std::size_t exchanges);

  /// Does what a command says, Exit and Regenerate excepted; returns what to tell the user.
  Result<std::string> perform(const ChatCommand& command);

  const Conversation& conversation() const noexcept { return conversation_; }
  const GenerationFlags& flags() const noexcept { return flags_; }
  std::uint32_t context_tokens() const { return model_.context_tokens(); }

 private:
  Result<std::string> clear();
  Result<std::string> drop();
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
