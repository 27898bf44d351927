#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "cli/line_reader.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

class PipeReader : public LineReader {
 public:
  Result<InputLine> read(std::string_view) override {
    for (;;) {
      const auto end = buffer_.find('\n', searched_);
      if (end != std::string::npos) return take(end, end + 1);
      searched_ = buffer_.size();
      if (ended_) return buffer_.empty() ? InputLine{} : take(buffer_.size(), buffer_.size());
      if (buffer_.size() > kTextBytesMax) {
        ended_ = true;
        return invalid_request(
            fmt::format("a line of standard input has more than {} MB", kTextBytesMax >> 20U),
            "Send shorter messages.");
      }
      fill();
    }
  }

  void remember(const std::string&) override {}

 private:
  InputLine take(std::size_t length, std::size_t used) {
    InputLine line{.kind = InputLine::Kind::Line, .text = buffer_.substr(0, length), .dropped_text = false};
    if (line.text.ends_with('\r')) line.text.pop_back();
    buffer_.erase(0, used);
    searched_ = 0;
    return line;
  }

  void fill() {
    std::array<char, 65536> chunk;
    const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) ended_ = true;
  }

  std::string buffer_;
  std::size_t searched_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_pipe_reader() {
  return std::make_unique<PipeReader>();
}

}  // namespace minerva::cli
