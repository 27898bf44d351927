// Starts the minerva program as a user would.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/paths.h"

namespace minerva::testing {

/// How a program ended.
struct Outcome {
  int status = -1;  ///< exit status, or -signal
  std::string out;
  std::string err;
};

struct Start {
  std::vector<std::string> arguments;
  std::optional<std::string> input;  ///< absent: /dev/null
  /// Variables set for the program; an empty value unsets one. NO_COLOR, MINERVA_* and XDG_* of the tests'
  /// own environment are not passed on.
  std::map<std::string, std::string> environment;
  /// Close standard output after so many bytes were read from it.
  std::optional<std::size_t> close_output_after;
  /// Send SIGINT once so many bytes came from standard output (0: once standard error says something).
  std::optional<std::size_t> interrupt_after;
  std::string program = minerva_program();
  std::string output_file;  ///< standard output goes there instead of to the test
};

/// Runs another program.
Outcome run_program(const std::string& program, std::vector<std::string> arguments);

/// Runs minerva to its end; kills it after two minutes, which shows as status -9.
Outcome run_minerva(const Start& start);
Outcome run_minerva(std::vector<std::string> arguments);

/// minerva, or another program, at a pseudo-terminal of 80 columns.
class TerminalSession {
 public:
  TerminalSession(std::vector<std::string> arguments, std::map<std::string, std::string> environment,
                  const std::string& program = minerva_program());
  ~TerminalSession();
  TerminalSession(const TerminalSession&) = delete;
  TerminalSession& operator=(const TerminalSession&) = delete;

  void type(std::string_view keys);
  /// Waits until the screen's text contains `text` after what earlier calls found; false after 60 s.
  bool wait_for(std::string_view text);
  /// The same for the prompt of a line editor; waits until it reads key by key as well: what is typed earlier
  /// is echoed twice, or lost.
  bool wait_for_prompt(std::string_view text);
  /// Waits for the program's end; its exit status, or -signal.
  int wait_for_end();
  const std::string& seen() const { return seen_; }

  void resize(unsigned short columns);
  void send_signal(int signal) const;
  /// What the terminal does with keys: it echoes them, and makes lines of them.
  struct Modes {
    bool echo = false;
    bool lines = false;
    friend bool operator==(const Modes&, const Modes&) = default;
  };
  Modes modes() const;

 private:
  bool read_more(std::chrono::steady_clock::time_point until);

  int terminal_ = -1;
  int process_ = -1;
  std::string seen_;
  std::size_t found_ = 0;
};

}  // namespace minerva::testing
