#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace minerva::cli {
namespace {

constexpr std::chrono::milliseconds kShowAfter{300};
constexpr std::chrono::milliseconds kRedrawAfter{100};

void write_terminal(const std::string& text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

ProgressBar::ProgressBar(const std::string& label, const Console& console)
    : label_(printable(label)), enabled_(console.shows_progress()) {}

std::string ProgressBar::line(const std::string& label, float fraction, int width) {
  const float sane = std::isfinite(fraction) ? std::clamp(fraction, 0.0F, 1.0F) : 0.0F;
  const int percent = static_cast<int>(sane * 100);
  constexpr int kBarMax = 30;
  constexpr int kAround = 9;  // " [" "] " "100 %"
  const int bar = std::min(kBarMax, width - kAround - static_cast<int>(label.size()));
  if (bar < 4) return fmt::format("{} %", percent);
  const int filled = static_cast<int>(sane * static_cast<float>(bar));
  return fmt::format("{} [{:=<{}}{: <{}}] {} %", label, "", filled, "", bar - filled, percent);
}

void ProgressBar::update(float fraction) {
  const auto now = Clock::now();
  if (!enabled_ || now - start_ < kShowAfter || (drawn_ && now - last_ < kRedrawAfter)) return;
  write_terminal("\r" + line(label_, fraction, terminal_width(STDERR_FILENO)) + "\x1b[K");
  drawn_ = true;
  last_ = now;
}

void ProgressBar::finish() {
  if (drawn_) write_terminal("\r\x1b[K");
  drawn_ = false;
  enabled_ = false;
}

}  // namespace minerva::cli
