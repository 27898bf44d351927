#include "cli/key_decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace minerva::cli {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kPasteBegins = "\x1b[200~";
constexpr std::string_view kPasteEnds = "\x1b[201~";
// Longer than any key's; what goes on beyond is left to come to its end without being kept.
constexpr std::size_t kSequenceBytesMax = 64;

// ESC [ and its sequence's last byte are in these ranges (ECMA-48).
bool is_final(char byte) {
  return byte >= '\x40' && byte <= '\x7e';
}

struct Parameters {
  int key = 0;
  int modifiers = 0;  // 1 Shift, 2 Alt, 4 Ctrl, 8 Meta
};

// "1;5" of "ESC [ 1 ; 5 D".
Parameters parameters_of(std::string_view text) {
  Parameters out;
  std::array<int, 2> numbers{0, 1};
  for (int& number : numbers) {
    const auto end = std::min(text.find(';'), text.size());
    std::from_chars(text.data(), text.data() + end, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.key = numbers[0];
  out.modifiers = std::max(numbers[1] - 1, 0);
  return out;
}

EditKey key_of_letter(char letter, bool by_word, bool plain) {
  switch (letter) {
    case 'A':
      return plain ? EditKey::Up : EditKey::None;
    case 'B':
      return plain ? EditKey::Down : EditKey::None;
    case 'C':
      return by_word ? EditKey::WordRight : EditKey::Right;
    case 'D':
      return by_word ? EditKey::WordLeft : EditKey::Left;
    case 'H':
      return EditKey::Home;
    case 'F':
      return EditKey::End;
    default:
      return EditKey::None;
  }
}

EditKey key_of_number(int number, bool by_word) {
  switch (number) {
    case 1:
    case 7:
      return EditKey::Home;
    case 4:
    case 8:
      return EditKey::End;
    case 3:
      return by_word ? EditKey::DeleteWordRight : EditKey::Delete;
    default:
      return EditKey::None;
  }
}

EditKey key_with_alt(char letter) {
  switch (letter) {
    case 'b':
    case 'B':
      return EditKey::WordLeft;
    case 'f':
    case 'F':
      return EditKey::WordRight;
    case 'd':
    case 'D':
      return EditKey::DeleteWordRight;
    case '\x7f':
    case '\b':
      return EditKey::DeleteWordLeft;
    case '\r':
    case '\n':
      return EditKey::NewLine;
    default:
      return EditKey::None;
  }
}

// Keys as "ESC [ 27 ; modifiers ; code ~" and "ESC [ code ; modifiers u" write them: of these, Enter.
bool is_modified_enter(std::string_view body, char last) {
  return (last == '~' && body.starts_with("27;") && body.ends_with(";13")) ||
         (last == 'u' && body.starts_with("13;"));
}

std::string pasted_text(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '\r') {
      out += '\n';
      if (i + 1 < raw.size() && raw[i + 1] == '\n') ++i;
    } else if (c == '\n' || c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f')) {
      out += c;
    }
  }
  return out;
}

}  // namespace

EditKey edit_key(std::string_view sequence) {
  if (!sequence.starts_with(kEscape)) return EditKey::None;
  sequence.remove_prefix(1);
  bool by_word = false;
  if (sequence.size() > 1 && sequence.front() == kEscape) {  // Alt as an escape before the key's own
    by_word = true;
    sequence.remove_prefix(1);
  }
  if (sequence.size() == 1) return key_with_alt(sequence.front());
  if (sequence.empty() || (sequence.front() != '[' && sequence.front() != 'O')) return EditKey::None;
  const char last = sequence.back();
  const std::string_view body = sequence.substr(1, sequence.size() - 2);
  if (is_modified_enter(body, last)) return EditKey::NewLine;
  const Parameters parameters = parameters_of(body);
  constexpr int kAltCtrlMeta = 2 | 4 | 8;
  by_word = by_word || (parameters.modifiers & kAltCtrlMeta) != 0;
  if (last == '~' || last == '^' || last == '$' || last == '@')  // the last three: rxvt, with modifiers
    return key_of_number(parameters.key, by_word || last == '^' || last == '@');
  if (last >= 'a' && last <= 'd')  // rxvt: ESC O d with Ctrl, ESC [ d with Shift
    return key_of_letter(static_cast<char>(last - 'a' + 'A'), by_word || sequence.front() == 'O', false);
  by_word = by_word || parameters.key == 5;  // ESC [ 5 D: older PuTTY and mintty
  return key_of_letter(last, by_word, !by_word && parameters.modifiers == 0);
}

bool KeyDecoder::is_complete() const {
  const std::size_t lead = sequence_.size() > 1 && sequence_[1] == kEscape ? 2 : 1;
  if (sequence_.size() <= lead) return false;
  const char kind = sequence_[lead];
  const std::size_t length = sequence_.size() - lead;
  if (kind == 'O') return length >= 2 && (is_final(sequence_.back()) || length > 4);
  if (kind != '[') return true;
  if (length == 1) return false;
  if (sequence_[lead + 1] == '[') return length >= 3;  // the Linux console's F1 to F5: ESC [ [ A
  const char last = sequence_.back();
  return is_final(last) || last == '$';
}

std::optional<KeyEvent> KeyDecoder::push(char byte) {
  if (in_paste_) return push_to_paste(byte);
  if (!sequence_.empty() || byte == kEscape) return push_to_sequence(byte);
  return KeyEvent{.kind = KeyEvent::Kind::Text, .text = std::string(1, byte)};
}

std::optional<KeyEvent> KeyDecoder::push_to_sequence(char byte) {
  if (sequence_.size() < kSequenceBytesMax) {
    sequence_ += byte;
  } else {
    sequence_.back() = byte;
  }
  if (!is_complete()) return std::nullopt;
  KeyEvent event{.kind = KeyEvent::Kind::Sequence, .text = std::exchange(sequence_, {})};
  if (event.text == kPasteBegins) {
    in_paste_ = true;
    truncated_ = false;
    return std::nullopt;
  }
  return event;
}

std::optional<KeyEvent> KeyDecoder::push_to_paste(char byte) {
  paste_ += byte;
  if (paste_.ends_with(kPasteEnds)) {
    in_paste_ = false;
    paste_.resize(paste_.size() - kPasteEnds.size());
    return KeyEvent{.kind = KeyEvent::Kind::Paste, .text = pasted_text(std::exchange(paste_, {}))};
  }
  if (paste_.size() >= paste_bytes_max_ + kPasteEnds.size()) {  // keep what may be the mark's beginning
    paste_.erase(paste_bytes_max_, 1);
    truncated_ = true;
  }
  return std::nullopt;
}

KeyEvent KeyDecoder::time_out() {
  return {.kind = KeyEvent::Kind::Sequence, .text = std::exchange(sequence_, {})};
}

std::string KeyDecoder::abandon_paste() {
  in_paste_ = false;
  return std::exchange(paste_, {});
}

void KeyDecoder::reset() {
  sequence_.clear();
  paste_.clear();
  in_paste_ = false;
  truncated_ = false;
}

}  // namespace minerva::cli
