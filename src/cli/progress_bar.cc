#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cli/status_line.h"

namespace minerva::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawAfter{100};

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

std::string ProgressBar::waiting_line(const std::string& label, int seconds, int width) {
  const std::string time = fmt::format("... {} s", seconds);
  return static_cast<int>(label.size() + 1 + time.size()) < width ? fmt::format("{} {}", label, time) : time;
}

void ProgressBar::update(float fraction) {
  const auto now = Clock::now();
  if (!enabled_ || now - start_ < kStatusAfter || (drawn_ && now - last_ < kRedrawAfter)) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
  const int width = terminal_width(STDERR_FILENO);
  // Until a part is done nobody knows how large the part is: the time is what can be said.
  const std::string text =
      fraction > 0 ? line(label_, fraction, width) : waiting_line(label_, static_cast<int>(seconds), width);
  draw_status(text);
  drawn_ = true;
  last_ = now;
}

void ProgressBar::finish() {
  if (drawn_) clear_status();
  drawn_ = false;
  enabled_ = false;
}

}  // namespace minerva::cli
