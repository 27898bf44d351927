// Keys out of the bytes that a terminal sends for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minerva::cli {

/// What a key does to the line. Keys that mean nothing here are None.
enum class EditKey : std::uint8_t {
  None,
  Up,
  Down,
  Left,
  Right,
  Home,
  End,
  Delete,
  WordLeft,
  WordRight,
  DeleteWordLeft,
  DeleteWordRight,
  NewLine,
};
inline constexpr std::size_t kEditKeys = static_cast<std::size_t>(EditKey::NewLine) + 1;

/// The key of a whole escape sequence, with whatever modifiers and from whatever terminal: Ctrl and Alt make
/// arrows and deletions go by words. Up and Down, which change the whole line, have no modifiers.
EditKey edit_key(std::string_view sequence);

/// What a byte completes.
struct KeyEvent {
  enum class Kind : std::uint8_t {
    Text,      ///< `text` holds one byte, a control character possibly
    Sequence,  ///< `text` holds a key's whole escape sequence
    Paste,     ///< `text` was pasted: its line ends are "\n", it has no control characters but these and tabs
  };
  Kind kind = Kind::Text;
  std::string text;
};

/// Takes bytes apart into characters, keys and pastes; no byte of a key or of a paste's marks is ever taken
/// for text. Memory is bounded: of a paste beyond `paste_bytes_max` the rest is left out and truncated() says
/// so.
class KeyDecoder {
 public:
  explicit KeyDecoder(std::size_t paste_bytes_max) : paste_bytes_max_(paste_bytes_max) {}

  std::optional<KeyEvent> push(char byte);
  /// Whether a sequence has begun whose rest has to come soon; `time_out` when it has not.
  bool waits() const noexcept { return !sequence_.empty(); }
  /// Gives what has begun as a sequence: the Escape key, alone.
  KeyEvent time_out();
  /// Whether a paste has begun and not ended.
  bool in_paste() const noexcept { return in_paste_; }
  /// What came of a paste whose end does not come, to be pushed again: what seemed its beginning was none.
  std::string abandon_paste();
  bool truncated() const noexcept { return truncated_; }
  /// Forgets what has begun.
  void reset();

 private:
  std::optional<KeyEvent> push_to_sequence(char byte);
  std::optional<KeyEvent> push_to_paste(char byte);
  bool is_complete() const;

  std::size_t paste_bytes_max_;
  std::string sequence_;
  std::string paste_;
  bool in_paste_ = false;
  bool truncated_ = false;
};

}  // namespace minerva::cli
