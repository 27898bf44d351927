// Lines a person types or a program pipes in.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva::cli {

struct InputLine {
  enum class Kind : unsigned char {
    Line,
    End,          ///< end of file, Ctrl-D
    Interrupted,  ///< Ctrl-C; what was typed so far is dropped
  };
  Kind kind = Kind::End;
  std::string text;           ///< without its line end
  bool dropped_text = false;  ///< Interrupted while something was typed
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  /// Waits for the next line. Errors: InvalidRequest for a line larger than kTextBytesMax.
  virtual Result<InputLine> read(std::string_view prompt) = 0;
  /// Keeps `line` for the arrow keys, now and in later sessions.
  virtual void remember(const std::string& line) = 0;
};

/// Standard input as it comes; prints nothing.
std::unique_ptr<LineReader> make_pipe_reader();

/// A terminal on standard input with editing (libedit; ~/.editrc is read), completion of file names, and a
/// history kept in `history_file`, which only the user may read; an empty path keeps none. The prompt and
/// what is typed are shown on `output_fd`.
std::unique_ptr<LineReader> make_editing_reader(const std::filesystem::path& history_file, int output_fd);

/// $XDG_STATE_HOME/minerva/history, or ~/.local/state/minerva/history; empty where there is no home.
std::filesystem::path history_path();

}  // namespace minerva::cli
