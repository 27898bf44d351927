// How an answer is shown as it comes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "cli/console.h"
#include "cli/thinking.h"
#include "cli/waiting_notice.h"
#include "cli/word_wrap.h"

namespace minerva::cli {

/// On a terminal: a notice until the first word comes, thinking set apart, lines broken between words. To
/// anything else the text goes as it is.
class AnswerDisplay {
 public:
  explicit AnswerDisplay(Console& console);

  /// The model begins with `prompt`, of `tokens` tokens.
  void begin(std::string_view prompt, std::size_t tokens);
  /// False when nobody can be shown any more.
  bool text(std::string_view piece);
  /// Ends the answer's last line, unless nothing was to be shown because it failed.
  void end(bool failed);

 private:
  bool show(const AnswerPart& part);
  bool heading(std::string_view text);
  bool write(std::string_view text, Style style);

  Console& console_;
  bool is_terminal_;
  bool wraps_;
  std::optional<WaitingNotice> notice_;
  ThinkingSplitter splitter_{{}};
  WordWrap wrap_;
  bool thinking_ = false;
  bool at_line_begin_ = true;
  bool shown_ = false;
};

}  // namespace minerva::cli
