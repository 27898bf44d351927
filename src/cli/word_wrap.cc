#include "cli/word_wrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cwchar>

#include "cli/text_layout.h"

namespace minerva::cli {
namespace {

constexpr int kTabColumns = 8;
constexpr int kCodeIndent = 4;
constexpr std::size_t kMarkBytes = 3;

// Han, kana and the like: a line may break at each of them, unless it is one that closes.
bool is_ideograph(wchar_t c) {
  return width_of(c) == 2 && (c < 0x1F000 || c > 0x1FFFF);
}

bool stays_with_what_is_before(wchar_t c) {
  constexpr std::wstring_view kClosing =
      L"、。，．：；？！）」』】》〉〕］｝ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々…";
  return kClosing.contains(c);
}

bool is_fence(std::string_view mark) {
  return mark == "```" || mark == "~~~";
}

// "- a", "* a", "1. " and "12.": deep in a list, not code.
bool begins_list_item(std::string_view mark) {
  if (mark.size() < 2) return false;
  const bool is_number = mark[0] >= '0' && mark[0] <= '9';
  if (!is_number) return (mark[0] == '-' || mark[0] == '*' || mark[0] == '+') && mark[1] == ' ';
  return mark[1] == '.' || mark[1] == ')' || (mark[1] >= '0' && mark[1] <= '9');
}

}  // namespace

// Whether the line is one that breaks between words.
bool WordWrap::is_wrapped() const {
  if (fence_ != '\0' || is_fence(mark_) || mark_.starts_with('|')) return false;
  return indent_ < kCodeIndent || begins_list_item(mark_);
}

// The first characters of a line: how far it is indented, and with what it begins.
void WordWrap::see_line_begin(wchar_t c) {
  if (mark_ends_) return;
  if (mark_.empty() && (c == L' ' || c == L'\t')) {
    indent_ += c == L' ' ? 1 : kCodeIndent;
    return;
  }
  mark_ += c < 0x80 ? static_cast<char>(c) : '?';
  mark_ends_ = mark_.size() == kMarkBytes;
  if (!is_fence(mark_)) return;
  if (fence_ == '\0') {
    fence_ = mark_[0];
  } else if (fence_ == mark_[0]) {
    fence_ = '\0';
  }
}

void WordWrap::end_line(std::string& out) {
  out += '\n';
  column_ = 0;
  begin_word(out);
  mark_.clear();
  indent_ = 0;
  mark_ends_ = false;
}

// A word that is on the screen is taken back. The cursor is behind its beginning, or waits at the last
// column: only the beginning's column is sure.
void WordWrap::break_before_word(std::string& out) {
  if (word_.empty()) {
    out += '\n';
  } else if (word_at_ > 0) {
    out.insert(word_at_ - 1, "\n");
  } else {
    out += fmt::format("\r\x1b[{}C\x1b[K\n{}", word_column_, word_);
  }
  column_ -= word_column_;
  word_column_ = 0;
}

// What comes next begins a word.
void WordWrap::begin_word(const std::string& out) {
  word_.clear();
  word_column_ = column_;
  word_at_ = out.size() + 1;
}

void WordWrap::put(std::string& out, std::string_view bytes, wchar_t c, int columns) {
  see_line_begin(c);
  const int width = c == L'\t' ? kTabColumns - column_ % kTabColumns : width_of(c);
  const bool wraps = is_wrapped();
  const bool is_space = c == L' ' || c == L'\t';
  if (is_space || (is_ideograph(c) && !stays_with_what_is_before(c))) {
    begin_word(out);
  }
  if (column_ + width > columns) {
    if (wraps && is_space) return;  // the break that the next word makes stands for it
    if (wraps && word_column_ > 0) {
      break_before_word(out);
    } else {
      column_ = 0;  // the terminal goes on in the next row
      begin_word(out);
    }
  }
  out += bytes;
  column_ += width;
  if (is_space) {
    begin_word(out);
  } else {
    word_ += bytes;
  }
}

void WordWrap::continue_at_row_begin() {
  column_ = 0;
  word_column_ = 0;
  word_.clear();
}

std::string WordWrap::push(std::string_view text, int columns) {
  std::string out;
  std::mbstate_t state{};
  word_at_ = 0;
  if (column_ > columns) {  // the terminal became narrower: it has broken the line
    column_ %= columns;
    word_column_ = 0;
    word_.clear();
  }
  while (!text.empty()) {
    wchar_t c = 0;
    std::size_t used = std::mbrtowc(&c, text.data(), text.size(), &state);
    if (used == 0 || used > text.size()) {
      state = {};
      used = 1;
      c = L'\uFFFD';
    }
    if (c == L'\n') {
      end_line(out);
    } else if (c == L'\x1b') {  // has no width
      used = std::min(text.find('m'), text.size() - 1) + 1;
      out += text.substr(0, used);
      word_ += text.substr(0, used);
    } else {
      put(out, text.substr(0, used), c, columns);
    }
    text.remove_prefix(used);
  }
  return out;
}

}  // namespace minerva::cli
