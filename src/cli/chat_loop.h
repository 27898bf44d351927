// The loop of a chat: input lines to answers, at a terminal or through pipes.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "cli/chat_session.h"
#include "cli/console.h"
#include "cli/generation_json.h"
#include "cli/line_reader.h"

namespace minerva::cli {

/// Reads lines, answers them, shows the answers.
class ChatLoop {
 public:
  /// `interactive`: a person types; else lines come through a pipe, and a failure or Ctrl-C decides the exit
  /// status.
  ChatLoop(ChatSession& session, ModelFacts facts, Console& console, LineReader& reader, bool interactive)
      : session_(session),
        facts_(std::move(facts)),
        console_(console),
        reader_(reader),
        interactive_(interactive) {}

  /// Until the input ends; the exit status.
  int run();

 private:
  enum class Next : unsigned char { GoOn, Leave };
  Next handle(InputLine line);
  Next handle_interrupt(const InputLine& line);
  Next handle_text(std::string text);
  Next handle_lines(std::string text);
  Result<std::string> rest_of_message(std::string first);
  Next converse(const std::optional<std::string>& question);
  Result<Turn> answer(const std::optional<std::string>& question);
  bool makes_room(const std::optional<std::string>& question);
  bool is_agreed(const std::string& offer);
  void show(const Turn& turn);
  void report(const Error& error);

  ChatSession& session_;
  ModelFacts facts_;
  Console& console_;
  LineReader& reader_;
  bool interactive_;
  bool interrupted_line_ = false;  // by Ctrl-C, the last one
  bool interrupted_ = false;       // the last answer
  int status_ = 0;
};

}  // namespace minerva::cli
