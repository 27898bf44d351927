// Where a command's text comes from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/flags.h"

namespace minerva::cli {

/// Bytes of text that a command reads at the most.
inline constexpr std::size_t kTextBytesMax = 64 * 1024 * 1024;

/// What a text is for.
enum class TextUse : unsigned char {
  Alone,    ///< taken byte for byte; nothing is read beside a text that is given
  Raw,      ///< taken byte for byte; what is piped in beside a text comes before it, nothing between them
  Message,  ///< the last line end of a file or of standard input is no part of it; what is piped in beside a
            ///< text comes before it, with an empty line between them, unless it is blank
};

/// The text that the flags name: an argument, a file, standard input; without any, standard input when
/// something is piped into it, else nothing. Errors: InvalidRequest (given twice, no such file, larger
/// than kTextBytesMax, not UTF-8: the message says where).
Result<std::optional<std::string>> read_text(const TextFlags& flags, TextUse use);

/// The whole of a file. Errors: as read_text.
Result<std::string> read_text_file(const std::filesystem::path& path);

/// InvalidRequest when `text` is not UTF-8; `what` names it in the message.
Result<void> check_utf8(std::string_view what, std::string_view text);

/// `text` without one line end at its end: editors and echo put it there.
std::string without_last_newline(std::string text);

}  // namespace minerva::cli
