#include "cli/text_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "cli/piped_text.h"
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
    if (got < 0 && errno == EAGAIN) {  // who started us made it so
      pollfd wait{fd, POLLIN, 0};
      ::poll(&wait, 1, -1);
      continue;
    }
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

constexpr const char* kInput = "-";

std::unexpected<Error> given_twice() {
  return invalid_request("the text is given more than once",
                         "Give it as the second argument, with -p, or with -f: one of them.");
}

// What the flags hold apart from standard input: words, or a file's text.
Result<std::optional<std::string>> given_text(const TextFlags& flags, TextUse use) {
  std::optional<std::string> text;
  for (const auto& given : {flags.positional, flags.flag, flags.file}) {
    if (!given || *given == kInput) continue;
    if (text) return given_twice();
    text = given;
  }
  if (!text) return text;
  if (flags.file && *flags.file != kInput) {
    MINERVA_ASSIGN(text, read_text_file(*flags.file));
    if (use == TextUse::Message) text = without_last_newline(*std::move(text));
  } else {
    MINERVA_TRY(check_utf8("the text", *text));
  }
  return text;
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

Result<std::optional<std::string>> read_text(const TextFlags& flags, TextUse use) {
  const bool asks_for_input = flags.positional == kInput || flags.flag == kInput || flags.file == kInput;
  MINERVA_ASSIGN(auto text, given_text(flags, use));
  if (text && asks_for_input && use == TextUse::Alone) return given_twice();
  const bool reads =
      asks_for_input || (text ? use != TextUse::Alone && is_text_piped_in() : !is_terminal(STDIN_FILENO));
  if (!reads) return text;
  MINERVA_ASSIGN(std::string input, read_stdin());
  if (use == TextUse::Message) input = without_last_newline(std::move(input));
  if (!text) return input.empty() && !asks_for_input ? std::nullopt : std::optional(std::move(input));
  if (use == TextUse::Raw) return input + *text;
  if (input.find_first_not_of(" \t\r\n") == std::string::npos) return text;
  return input + "\n\n" + *text;
}

std::string without_last_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace minerva::cli
