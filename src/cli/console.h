// Where a command's output goes: results to standard output, everything else to standard error.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/terminal.h"
#include "cli/flags.h"

namespace minerva::cli {

enum class Style : unsigned char { Plain, Bold, Dim, Red, Yellow, Green, Cyan };

/// Unbuffered. Not thread-safe.
class Console {
 public:
  explicit Console(const CommonFlags& flags);

  /// Writes to standard output as it is. False once standard output
  /// can't be written (its reader is gone, the disk is full): stop then.
  bool out(std::string_view text);
  /// As `out`, for text from a model or its files: a terminal is not driven by it.
  bool out_untrusted(std::string_view text);
  /// One JSON value on a line of standard output. Text that is not UTF-8 gets U+FFFD for what is wrong.
  bool out_json(const nlohmann::ordered_json& value);

  /// A line on standard error, for people; on a terminal it breaks between words.
  void note(std::string_view line);
  /// "warning: …" on standard error.
  void warn(std::string_view text);
  /// The error as text on standard error and, with --json, as an object on standard output.
  void error(const Error& error);

  /// `text` in a style, when that stream shows styles.
  std::string styled_out(Style style, std::string_view text) const;
  std::string styled_err(Style style, std::string_view text) const;

  bool json() const noexcept { return flags_.json; }
  bool verbose() const noexcept { return flags_.verbose > 0; }
  bool out_is_terminal() const noexcept { return out_is_terminal_; }
  bool err_is_terminal() const noexcept { return err_is_terminal_; }
  bool err_has_colors() const noexcept { return err_colors_; }
  bool shows_progress() const noexcept { return err_is_terminal_ && !flags_.no_progress; }

  /// Whether the reader of standard output has left.
  bool reader_left() const noexcept;
  /// Why standard output could not be written, when the reason is not that its reader left.
  std::optional<Error> output_error() const;

 private:
  CommonFlags flags_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool out_colors_;
  bool err_colors_;
  int out_errno_ = 0;
};

/// The object that --json prints for an error.
nlohmann::ordered_json error_json(const Error& error);

}  // namespace minerva::cli
