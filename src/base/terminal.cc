#include "base/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace minerva {
namespace {

constexpr int kDefaultWidth = 80;
constexpr int kInterruptedStatus = 130;

// What the signal handler may touch. Written by InterruptScope only.
std::atomic<int> handler_fd{-1};
std::atomic<int> handler_count{0};
std::atomic<int> handler_give_up{0};

void on_interrupt(int) {
  const int saved_errno = errno;
  if (handler_count.fetch_add(1) + 1 >= handler_give_up.load()) _exit(kInterruptedStatus);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(handler_fd.load(), &one, sizeof(one));
  errno = saved_errno;
}

// Not joinable where no thread can be started.
template <class Work>
std::thread start_thread(Work work) {
  try {
    return std::thread(work);
  } catch (const std::system_error&) {
    return {};
  }
}

}  // namespace

bool is_terminal(int fd) noexcept {
  return isatty(fd) == 1;
}

int terminal_width(int fd) noexcept {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

bool use_color(ColorChoice choice, int fd) noexcept {
  if (choice != ColorChoice::Auto) return choice == ColorChoice::Always;
  const char* const no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* const term = std::getenv("TERM");
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return is_terminal(fd);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xC2 && next >= 0x80 && next <= 0x9F) {  // U+0080 to U+009F: the other control codes
      out += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct InterruptScope::SavedAction {
  int signal;
  struct sigaction action;
};

// Where descriptors or threads are short, the scope does nothing: Ctrl-C ends the process, as without it.
InterruptScope::InterruptScope(int give_up_after, StopSignals signals) {
  signal_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  quit_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_fd_ >= 0 && quit_fd_ >= 0) watcher_ = start_thread([this] { watch(); });
  if (!watcher_.joinable()) {
    for (int* const fd : {&signal_fd_, &quit_fd_})
      if (*fd >= 0) close(std::exchange(*fd, -1));
    return;
  }
  outer_give_up_ = handler_give_up.exchange(give_up_after);
  outer_count_ = handler_count.exchange(0);
  outer_fd_ = handler_fd.exchange(signal_fd_);
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (signal != SIGINT && signals == StopSignals::Interrupt) continue;
    SavedAction before{.signal = signal, .action = {}};
    sigaction(signal, nullptr, &before.action);
    // What nohup has switched off stays off.
    if (signal == SIGHUP && before.action.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
    saved_.push_back(before);
  }
}

InterruptScope::~InterruptScope() {
  if (!watcher_.joinable()) return;
  for (const SavedAction& before : saved_) sigaction(before.signal, &before.action, nullptr);
  handler_fd = outer_fd_;
  handler_count = outer_count_;
  handler_give_up = outer_give_up_;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(quit_fd_, &one, sizeof(one));
  watcher_.join();
  close(signal_fd_);
  close(quit_fd_);
}

bool InterruptScope::interrupted() const noexcept {
  pollfd wait{signal_fd_, POLLIN, 0};
  return poll(&wait, 1, 0) == 1;
}

void InterruptScope::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(signal_fd_, &count, sizeof(count));
}

// A stop is requested from a thread because doing so locks, which a signal handler must not.
void InterruptScope::watch() {
  std::array<pollfd, 2> waits{{{signal_fd_, POLLIN, 0}, {quit_fd_, POLLIN, 0}}};
  while (poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
  }
  if ((waits[0].revents & POLLIN) != 0) stop_.request_stop();
}

}  // namespace minerva
