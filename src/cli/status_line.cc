#include "cli/status_line.h"

#include <unistd.h>

namespace minerva::cli {

void draw_status(const std::string& line) {
  const std::string text = "\r" + line + "\x1b[K";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

void clear_status() {
  draw_status("");
}

}  // namespace minerva::cli
