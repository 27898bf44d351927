// One line on a terminal that says how far long work has come.
#pragma once

#include <chrono>
#include <string>

#include "cli/console.h"

namespace minerva::cli {

/// Shows itself once the work has taken 300 ms, on terminals only, and leaves nothing behind.
class ProgressBar {
 public:
  ProgressBar(const std::string& label, const Console& console);
  ~ProgressBar() { finish(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `fraction` in [0, 1]; called as often as one likes.
  void update(float fraction);
  void finish();

  /// The line as drawn, `width` columns at the most.
  static std::string line(const std::string& label, float fraction, int width);
  /// The same for work of which nothing is done yet.
  static std::string waiting_line(const std::string& label, int seconds, int width);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace minerva::cli
