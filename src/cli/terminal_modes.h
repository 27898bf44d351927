// The terminal of a conversation: keys come one by one, nothing is echoed but what a line editor draws, a
// paste is marked as one, and whatever happens the terminal is left as it was found.
#pragma once

namespace minerva::cli {

/// For as long as it lives: no echo and no lines made by the terminal itself (what is typed while nobody
/// reads waits, Ctrl-C does not throw it away), and bracketed paste. Its modes are put back when the object
/// goes, when a signal or a fault ends the process, and while it is stopped (Ctrl-Z), after which they are
/// taken up again. One at a time. It must be made before threads start and before faults are handled by
/// others, who pass on to those that were there.
class TerminalModes {
 public:
  /// Of the terminal at `input_fd`; control sequences are written to `output_fd`, unless `TERM` knows none.
  TerminalModes(int input_fd, int output_fd);
  ~TerminalModes();
  TerminalModes(const TerminalModes&) = delete;
  TerminalModes& operator=(const TerminalModes&) = delete;

  /// Takes what the terminal is set to now for what to come back to after a stop: for a line editor, which
  /// has modes of its own.
  static void keep_current() noexcept;

  /// Readable once the terminal was resized or the process goes on after a stop; -1 without an object.
  static int changed_fd() noexcept;
  enum class Change : unsigned char { None, Resized, Continued };
  /// What made changed_fd() readable, and forgets it.
  static Change take_change() noexcept;

 private:
  bool installed_ = false;
};

/// Whether the terminal takes control sequences: `TERM` is set and not "dumb".
bool terminal_has_sequences() noexcept;

/// While it lives, Ctrl-C does not throw away what was typed before: it is for the answer, not for the line.
class TypingKept {
 public:
  TypingKept();
  ~TypingKept();
  TypingKept(const TypingKept&) = delete;
  TypingKept& operator=(const TypingKept&) = delete;

 private:
  static void set(bool kept) noexcept;
};

/// While it lives, so many Ctrl-C end the process with status 130 and the terminal as it was: for work that
/// does not listen to the first. It stands before the handler that is there and goes before it.
class LastResort {
 public:
  explicit LastResort(int interrupts);
  ~LastResort();
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;
};

}  // namespace minerva::cli
