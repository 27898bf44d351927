#include "cli/answer_display.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/terminal.h"
#include "cli/human.h"
#include "cli/terminal_modes.h"

namespace minerva::cli {

AnswerDisplay::AnswerDisplay(Console& console)
    : console_(console),
      is_terminal_(console.out_is_terminal()),
      wraps_(is_terminal_ && terminal_has_sequences()) {}

void AnswerDisplay::begin(std::string_view prompt, std::size_t tokens) {
  splitter_ = ThinkingSplitter(prompt);
  notice_.emplace("waiting for the answer", fmt::format("(the prompt has {} tokens)", with_commas(tokens)),
                  console_);
}

bool AnswerDisplay::text(std::string_view piece) {
  if (piece.empty()) return true;
  notice_.reset();
  if (!is_terminal_) {
    shown_ = true;
    at_line_begin_ = piece.ends_with('\n');
    return console_.out(piece);
  }
  const auto parts = splitter_.push(piece);
  return std::ranges::all_of(parts, [&](const AnswerPart& part) { return show(part); });
}

bool AnswerDisplay::show(const AnswerPart& part) {
  if (part.thinking != thinking_ && !heading(part.thinking ? "[thinking]" : "[answer]")) return false;
  thinking_ = part.thinking;
  return write(printable(part.text), part.thinking ? Style::Dim : Style::Plain);
}

bool AnswerDisplay::heading(std::string_view text) {
  if (!at_line_begin_ && !console_.out("\n")) return false;
  wrap_.reset();
  return console_.out(console_.styled_out(Style::Dim, text)) && console_.out("\n");
}

bool AnswerDisplay::write(std::string_view text, Style style) {
  shown_ = true;
  at_line_begin_ = text.ends_with('\n');
  if (TerminalModes::take_change() == TerminalModes::Change::Continued) wrap_.continue_at_row_begin();
  if (!wraps_) return console_.out(console_.styled_out(style, text));
  return console_.out(console_.styled_out(style, wrap_.push(text, terminal_width(STDOUT_FILENO))));
}

void AnswerDisplay::end(bool failed) {
  notice_.reset();
  if (is_terminal_) {
    for (const AnswerPart& part : splitter_.finish()) show(part);
  }
  if (shown_ ? !at_line_begin_ : !failed) console_.out("\n");
}

}  // namespace minerva::cli
