#include "cli/text_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "text/utf8.h"

namespace minerva::cli {
namespace {

Result<std::string> read_all(int fd, std::string_view name) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return invalid_request(fmt::format("cannot read {}: {}", name, std::generic_category().message(errno)),
                             "Give the text with -p, or check what is to be read.");
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kTextBytesMax) {
      return invalid_request(fmt::format("{} holds more than {} MB", name, kTextBytesMax >> 20U),
                             "Give a shorter text.");
    }
  }
  MINERVA_TRY(check_utf8(name, text));
  return text;
}

Result<std::string> read_stdin() {
  return read_all(STDIN_FILENO, "standard input");
}

}  // namespace

Result<void> check_utf8(std::string_view what, std::string_view text) {
  const std::size_t at = find_invalid_utf8(text);
  if (at == std::string_view::npos) return {};
  return invalid_request(fmt::format("{} is not valid UTF-8: byte {} is 0x{:02X}", what, at,
                                     static_cast<unsigned char>(text[at])),
                         "Convert the text to UTF-8 first, for example with `iconv -f ISO-8859-1 -t UTF-8`.");
}

Result<std::string> read_text_file(const std::filesystem::path& path) {
  const std::string name = fmt::format("the file '{}'", printable(path.string()));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return invalid_request(fmt::format("cannot open {}: {}", name, std::generic_category().message(errno)),
                           "Check the path and its permissions.");
  }
  auto text = read_all(fd, name);
  ::close(fd);
  return text;
}

Result<std::optional<std::string>> read_text(const TextFlags& flags) {
  const int given = (flags.positional ? 1 : 0) + (flags.flag ? 1 : 0) + (flags.file ? 1 : 0);
  if (given > 1) {
    return invalid_request("the text is given more than once",
                           "Give it as the second argument, with -p, or with -f: one of them.");
  }
  if (flags.file) {
    MINERVA_ASSIGN(auto text, *flags.file == "-" ? read_stdin() : read_text_file(*flags.file));
    return text;
  }
  const auto& typed = flags.flag ? flags.flag : flags.positional;
  if (typed && *typed != "-") {
    MINERVA_TRY(check_utf8("the text", *typed));
    return *typed;
  }
  if (!typed && is_terminal(STDIN_FILENO)) return std::nullopt;
  MINERVA_ASSIGN(auto text, read_stdin());
  if (!typed && text.empty()) return std::nullopt;
  return text;
}

std::string without_last_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace minerva::cli
