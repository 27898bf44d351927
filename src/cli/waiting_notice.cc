#include "cli/waiting_notice.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/terminal.h"
#include "cli/status_line.h"

namespace minerva::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{500};

}  // namespace

WaitingNotice::WaitingNotice(std::string what, std::string details, const Console& console)
    : what_(std::move(what)), details_(std::move(details)) {
  if (!console.shows_progress()) return;
  try {
    thread_ = std::thread([this] { draw_until_finished(); });
  } catch (const std::system_error&) {
    finished_ = true;  // no thread to be had: the wait goes without a notice
  }
}

void WaitingNotice::draw_until_finished() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  bool drawn = false;
  for (auto wait = kStatusAfter; !changed_.wait_for(lock, wait, [&] { return finished_; });
       wait = kRedrawEvery) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    std::string line = fmt::format("{} ... {:.0f} s", what_, passed.count());
    const auto width = static_cast<std::size_t>(terminal_width(STDERR_FILENO));
    if (line.size() + 1 + details_.size() < width) line += ' ' + details_;
    if (line.size() >= width) line.resize(width - 1);
    draw_status(line);
    drawn = true;
  }
  if (drawn) clear_status();
}

void WaitingNotice::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace minerva::cli
