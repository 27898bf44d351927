// Text on a terminal that breaks between words, as it comes.
#pragma once

#include <string>
#include <string_view>

namespace minerva::cli {

/// Shows each piece at once: a word that turns out to be too long for its line is taken back and begun on the
/// next. Lines of code (between ``` or ~~~, or indented by four columns) and tables are left to the terminal,
/// so that what is copied from it is whole. A word longer than a line is, too.
class WordWrap {
 public:
  /// What to write for `text`: whole UTF-8 characters, without control characters but "\n", "\t" and
  /// sequences of colour, on a terminal of `columns`.
  std::string push(std::string_view text, int columns);
  /// The next text begins on a new line.
  void reset() { *this = {}; }
  /// Others have written in between: the line goes on at the beginning of a row.
  void continue_at_row_begin();
  /// Columns that the present line has so far.
  int column() const noexcept { return column_; }

 private:
  void put(std::string& out, std::string_view bytes, wchar_t character, int columns);
  void break_before_word(std::string& out);
  void begin_word(const std::string& out);
  void end_line(std::string& out);
  bool is_wrapped() const;
  void see_line_begin(wchar_t character);

  int column_ = 0;
  int word_column_ = 0;      // where the present word begins
  std::string word_;         // of the present word, what is shown
  std::size_t word_at_ = 0;  // where it begins in what one push gives; 0 when it began earlier
  char fence_ = '\0';        // of the block of code that the text is in
  // The line's beginning, as far as it tells what the line is.
  std::string mark_;
  int indent_ = 0;
  bool mark_ends_ = false;
};

}  // namespace minerva::cli
