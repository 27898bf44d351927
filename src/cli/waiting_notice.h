// A line on a terminal that says what is waited for, and how long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "cli/console.h"

namespace minerva::cli {

/// Shows itself once the wait has taken 300 ms, on terminals only, and leaves nothing behind. It draws from a
/// thread of its own: nobody else may write to the terminal until `finish` has returned.
class WaitingNotice {
 public:
  /// `what` is one line; `details` are shown behind the time.
  WaitingNotice(std::string what, std::string details, const Console& console);
  ~WaitingNotice() { finish(); }
  WaitingNotice(const WaitingNotice&) = delete;
  WaitingNotice& operator=(const WaitingNotice&) = delete;

  void finish();

 private:
  void draw_until_finished();

  std::string what_;
  std::string details_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace minerva::cli
