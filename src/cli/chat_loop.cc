#include "cli/chat_loop.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "cli/answer_display.h"
#include "cli/chat_command.h"
#include "cli/human.h"
#include "cli/terminal_modes.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
// So many Ctrl-C during an answer end the program.
constexpr int kLastInterrupt = 3;

}  // namespace

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
  interrupted_line_ = false;
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
  if (line.text.starts_with(kQuotes) || line.text.contains('\n')) return handle_lines(std::move(line.text));
  return handle_text(std::move(line.text));
}

// A message of several lines: between quotes, or pasted. Pasted text with quotes of its own in it is left as
// it is; quotes that are open wait for their end.
ChatLoop::Next ChatLoop::handle_lines(std::string text) {
  std::size_t quotes = 0;
  for (auto at = text.find(kQuotes); at != std::string::npos; at = text.find(kQuotes, at + kQuotes.size()))
    ++quotes;
  const bool is_quoted =
      text.starts_with(kQuotes) && (quotes % 2 == 1 || (quotes == 2 && text.ends_with(kQuotes)));
  if (text.contains('\n') && !is_quoted) return converse(std::move(text));
  auto whole = rest_of_message(text.substr(kQuotes.size()));
  if (!whole) {
    report(whole.error());
    return Next::GoOn;
  }
  return whole->empty() ? Next::GoOn : converse(std::move(*whole));
}

// The first Ctrl-C drops what was typed, one more on an empty line leaves.
ChatLoop::Next ChatLoop::handle_interrupt(const InputLine& line) {
  if (interrupted_line_ && !line.dropped_text) return Next::Leave;
  interrupted_line_ = true;
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

// Ctrl-C stops the answer, and `interrupted_` says so.
Result<Turn> ChatLoop::answer(const std::optional<std::string>& question) {
  const InterruptScope interrupt(std::numeric_limits<int>::max());
  const LastResort last_resort(kLastInterrupt);
  const TypingKept typing;
  AnswerListener listener;
  AnswerDisplay display(console_);
  if (!console_.json()) {
    if (console_.out_is_terminal() || console_.shows_progress())  // it costs tokenizing the prompt
      listener.on_prompt = [&](std::string_view prompt, std::size_t tokens) {
        display.begin(prompt, tokens);
      };
    listener.on_text = [&](std::string_view piece) { return display.text(piece); };
  }
  auto turn = question ? session_.ask(*question, listener, interrupt.token())
                       : session_.regenerate(listener, interrupt.token());
  if (!console_.json()) display.end(!turn);
  interrupted_ = interrupt.interrupted();
  return turn;
}

// Asks the question, or the last one anew.
ChatLoop::Next ChatLoop::converse(const std::optional<std::string>& question) {
  auto turn = answer(question);
  const auto is_full = [&] { return !turn && turn.error().code == ErrorCode::ContextOverflow; };
  while (interactive_ && is_full() && makes_room(question)) turn = answer(question);
  if (turn) {
    show(*turn);
  } else {
    report(turn.error());
  }
  if (console_.reader_left() || console_.output_error()) return Next::Leave;
  if (interrupted_ && !interactive_) {
    status_ = exit_status(ErrorCode::Cancelled);
    return Next::Leave;
  }
  return Next::GoOn;
}

// Offers to forget what is oldest when the conversation has outgrown the context.
bool ChatLoop::makes_room(const std::optional<std::string>& question) {
  const std::size_t exchanges = session_.exchanges_too_many(question);
  if (exchanges == 0) return false;
  const std::size_t all = session_.conversation().exchanges();
  const std::string oldest = exchanges == 1 ? "its oldest question and answer"
                                            : fmt::format("its oldest {} questions and answers", exchanges);
  console_.note(
      fmt::format("The conversation no longer fits into the context of {} tokens. It can go on without {}{}.",
                  with_commas(session_.context_tokens()), oldest,
                  session_.conversation().system ? "; the system prompt stays" : ""));
  if (!is_agreed("Forget them? [Y/n] ")) return false;
  session_.forget_oldest(exchanges);
  console_.note(fmt::format("[forgot {} of {} questions and answers]", exchanges, all));
  return true;
}

bool ChatLoop::is_agreed(const std::string& offer) {
  for (;;) {
    const auto line = reader_.read(console_.styled_err(Style::Plain, offer));
    if (!line || line->kind != InputLine::Kind::Line) return false;
    if (line->text.empty() || line->text == "y" || line->text == "Y" || line->text == "yes") return true;
    if (line->text == "n" || line->text == "N" || line->text == "no") return false;
    console_.note("Type y or n.");
  }
}

void ChatLoop::show(const Turn& turn) {
  const Generation& generation = turn.generation;
  if (console_.json()) {
    console_.out_json(generation_json(facts_, turn.prompt, generation));
    return;
  }
  if (generation.finish_reason == FinishReason::Cancelled && !console_.reader_left())
    console_.note("[stopped]");
  const auto line =
      length_line(facts_, session_.flags(), generation,
                  "/drop and then /regen give the answer more room, -c N at the start makes it larger");
  if (!line.empty()) console_.note(line);
  if (console_.verbose()) console_.note(console_.styled_err(Style::Dim, timing_line(facts_, generation)));
  if (interactive_ && console_.out_is_terminal()) console_.out("\n");
}

void ChatLoop::report(const Error& error) {
  console_.error(error);
  if (!interactive_) status_ = exit_status(error.code);
}

}  // namespace minerva::cli
