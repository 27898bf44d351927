// What stands at the other end of a file descriptor, and what a person there may press.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace minerva {

bool is_terminal(int fd) noexcept;

/// Columns of the terminal at `fd`; 80 when it is none or does not say.
int terminal_width(int fd) noexcept;

enum class ColorChoice : unsigned char { Auto, Always, Never };

/// Whether to write colour codes to `fd`. Auto: to a terminal that is not "dumb", unless NO_COLOR is set to
/// anything (https://no-color.org). Always wins over NO_COLOR: it was asked for by name.
bool use_color(ColorChoice choice, int fd) noexcept;

/// `text` with control characters written out ("\x1b"), newline and tab excepted: text from a model or its
/// files must not drive the user's terminal.
std::string printable(std::string_view text);

/// Signals that an InterruptScope takes as a wish to stop.
enum class StopSignals : std::uint8_t {
  Interrupt,  ///< SIGINT
  AllEnding,  ///< SIGINT, SIGTERM and SIGHUP, for work that leaves files behind when it is cut off
};

/// Ctrl-C (SIGINT), for as long as the object lives: the first one requests a stop instead of ending the
/// process, and makes `fd()` readable. Once `give_up_after` have come the process ends at once with status
/// 130, for work that does not listen. Before and after, SIGINT does what it did. Make and destroy it on one
/// thread; scopes may nest, the innermost is told.
class InterruptScope {
 public:
  explicit InterruptScope(int give_up_after = 2, StopSignals signals = StopSignals::Interrupt);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  bool interrupted() const noexcept;
  /// Readable from the first Ctrl-C on; do not read from it.
  int fd() const noexcept { return signal_fd_; }
  /// Forgets the Ctrl-C that came so far, but for token(), which can't be taken back.
  void clear() noexcept;

 private:
  void watch();

  std::stop_source stop_;
  int signal_fd_ = -1;  // eventfd written by the signal handler
  int quit_fd_ = -1;    // eventfd that ends the watcher
  int outer_fd_ = -1;
  int outer_give_up_ = 0;
  int outer_count_ = 0;
  struct SavedAction;
  std::vector<SavedAction> saved_;
  std::thread watcher_;
};

}  // namespace minerva
