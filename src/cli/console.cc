#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cli/terminal_modes.h"
#include "cli/word_wrap.h"

namespace minerva::cli {
namespace {

// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string styled(bool colors, Style style, std::string_view text) {
  constexpr std::array<std::string_view, 7> kCodes = {"", "1", "2", "1;31", "1;33", "32", "1;36"};
  if (!colors || style == Style::Plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes.at(static_cast<std::size_t>(style)), text);
}

}  // namespace

Console::Console(const CommonFlags& flags)
    : flags_(flags),
      out_is_terminal_(is_terminal(STDOUT_FILENO)),
      err_is_terminal_(is_terminal(STDERR_FILENO)),
      out_colors_(use_color(flags.color, STDOUT_FILENO)),
      err_colors_(use_color(flags.color, STDERR_FILENO)) {}

bool Console::out(std::string_view text) {
  if (out_errno_ == 0) out_errno_ = write_all(STDOUT_FILENO, text);
  return out_errno_ == 0;
}

bool Console::out_untrusted(std::string_view text) {
  return out_is_terminal_ ? out(printable(text)) : out(text);
}

bool Console::out_json(const nlohmann::ordered_json& value) {
  return out(value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void Console::note(std::string_view line) {
  if (err_is_terminal_ && terminal_has_sequences()) {
    write_all(STDERR_FILENO, WordWrap().push(line, terminal_width(STDERR_FILENO)) + "\n");
  } else {
    write_all(STDERR_FILENO, fmt::format("{}\n", line));
  }
}

void Console::warn(std::string_view text) {
  note(fmt::format("{} {}", styled_err(Style::Yellow, "warning:"), printable(text)));
}

void Console::error(const Error& error) {
  note(fmt::format("{} {}", styled_err(Style::Red, "error:"), printable(error.message)));
  if (!error.remedy.empty()) note(fmt::format("  {}", printable(error.remedy)));
  if (json()) out_json(error_json(error));
}

std::string Console::styled_out(Style style, std::string_view text) const {
  return styled(out_colors_, style, text);
}
std::string Console::styled_err(Style style, std::string_view text) const {
  return styled(err_colors_, style, text);
}

bool Console::reader_left() const noexcept {
  return out_errno_ == EPIPE || out_errno_ == ECONNRESET;
}

std::optional<Error> Console::output_error() const {
  if (out_errno_ == 0 || reader_left()) return std::nullopt;
  return Error{
      ErrorCode::Internal,
      fmt::format("cannot write to standard output: {}", std::generic_category().message(out_errno_)),
      "Check where the output goes: a full disk, a closed file?"};
}

nlohmann::ordered_json error_json(const Error& error) {
  return {{"error",
           {{"code", error_code_name(error.code)}, {"message", error.message}, {"remedy", error.remedy}}}};
}

}  // namespace minerva::cli
