#include "cli/chat_loop.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "cli/chat_command.h"
#include "cli/human.h"
#include "cli/text_source.h"

namespace minerva::cli {

int ChatLoop::run() {
  for (;;) {
    auto line = reader_.read(console_.styled_err(Style::Plain, "> "));
    if (!line) {
      report(line.error());
      continue;
    }
    if (handle(std::move(*line)) == Next::Leave) return status_;
  }
}

ChatLoop::Next ChatLoop::handle(InputLine line) {
  if (line.kind == InputLine::Kind::End) return Next::Leave;
  if (line.kind == InputLine::Kind::Interrupted) return handle_interrupt(line);
  interrupted_once_ = false;
  if (const auto valid = check_utf8("the message", line.text); !valid) {
    report(valid.error());
    return Next::GoOn;
  }
  if (console_.json()) {
    if (line.text.empty()) {
      report({ErrorCode::InvalidRequest, "the message is empty", "Send one message a line."});
      return Next::GoOn;
    }
    return converse(std::move(line.text));
  }
  if (line.text.find_first_not_of(" \t") == std::string::npos) return Next::GoOn;
  reader_.remember(line.text);
  if (line.text.starts_with("\"\"\"")) {
    auto whole = rest_of_message(line.text.substr(3));
    if (!whole) {
      report(whole.error());
      return Next::GoOn;
    }
    return whole->empty() ? Next::GoOn : converse(std::move(*whole));
  }
  return handle_text(std::move(line.text));
}

// The first Ctrl-C drops what was typed, one more on an empty line leaves.
ChatLoop::Next ChatLoop::handle_interrupt(const InputLine& line) {
  if (interrupted_once_ && !line.dropped_text) return Next::Leave;
  interrupted_once_ = true;
  if (!line.dropped_text) console_.note("(Ctrl-C again or Ctrl-D leaves, /help lists the commands)");
  return Next::GoOn;
}

ChatLoop::Next ChatLoop::handle_text(std::string text) {
  const auto command = parse_chat_command(text);
  if (!command) {
    report(command.error());
    return Next::GoOn;
  }
  if (!command->has_value()) return converse(std::move(text));
  if ((*command)->action == ChatAction::Exit) return Next::Leave;
  if ((*command)->action == ChatAction::Regenerate) return converse(std::nullopt);
  const auto answer = session_.perform(**command);
  if (!answer) {
    report(answer.error());
  } else if (!answer->empty()) {
    console_.note(printable(answer->substr(0, answer->size() - 1)));
  }
  return Next::GoOn;
}

// From `"""` to the next `"""` at the end of a line; the end of the input closes it as well.
Result<std::string> ChatLoop::rest_of_message(std::string first) {
  constexpr std::string_view kQuotes = "\"\"\"";
  std::string message = std::move(first);
  while (!message.ends_with(kQuotes)) {
    MINERVA_ASSIGN(InputLine line, reader_.read(console_.styled_err(Style::Plain, ". ")));
    if (line.kind == InputLine::Kind::Interrupted) return std::string{};
    if (line.kind == InputLine::Kind::End) return without_last_newline(std::move(message));
    MINERVA_TRY(check_utf8("the message", line.text));
    message += (message.empty() ? "" : "\n") + line.text;
    if (message.size() > kTextBytesMax) {
      return invalid_request(fmt::format("the message has more than {} MB", kTextBytesMax >> 20U),
                             "Send a shorter one.");
    }
  }
  message.resize(message.size() - kQuotes.size());
  return without_last_newline(std::move(message));
}

// Asks the question, or the last one anew.
ChatLoop::Next ChatLoop::converse(const std::optional<std::string>& question) {
  const InterruptScope interrupt(3);
  TextCallback on_text;
  if (!console_.json()) on_text = [&](std::string_view piece) { return console_.out_untrusted(piece); };
  const auto turn = question ? session_.ask(*question, on_text, interrupt.token())
                             : session_.regenerate(on_text, interrupt.token());
  if (!turn) {
    report(turn.error());
  } else {
    show(*turn);
  }
  if (console_.reader_left() || console_.output_error()) return Next::Leave;
  if (interrupt.interrupted() && !interactive_) {
    status_ = exit_status(ErrorCode::Cancelled);
    return Next::Leave;
  }
  return Next::GoOn;
}

void ChatLoop::show(const Turn& turn) {
  const Generation& generation = turn.generation;
  if (console_.json()) {
    console_.out_json(generation_json(facts_, turn.prompt, generation));
    return;
  }
  if (!generation.text.ends_with('\n')) console_.out("\n");
  if (generation.finish_reason == FinishReason::Cancelled && !console_.reader_left())
    console_.note("[stopped]");
  const auto line = length_line(facts_, session_.flags(), generation,
                                "/clear or /undo makes room, -c N at the start makes it larger");
  if (!line.empty()) console_.note(line);
  if (console_.verbose()) console_.note(console_.styled_err(Style::Dim, timing_line(facts_, generation)));
  if (interactive_ && console_.out_is_terminal()) console_.out("\n");
}

void ChatLoop::report(const Error& error) {
  console_.error(error);
  if (!interactive_) status_ = exit_status(error.code);
}

}  // namespace minerva::cli
