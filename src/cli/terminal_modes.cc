#include "cli/terminal_modes.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace minerva::cli {
namespace {

constexpr int kInterruptedStatus = 130;
constexpr std::string_view kPasteOn = "\x1b[?2004h";
// Also ends what was coloured or dimmed.
constexpr std::string_view kPasteOff = "\x1b[?2004l\x1b[0m";

// A paste's line ends tell whether "\r\n" is one.
constexpr tcflag_t kLineEndsAsTheyAre = ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR);

// Signals that end a process and the faults among them, which others may handle already.
constexpr std::array kEnding = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::array kEvents = {SIGTSTP, SIGCONT, SIGWINCH};

// What signal handlers may touch: written while none of ours is installed, but for what is atomic.
struct State {
  std::atomic<bool> active = false;
  std::atomic<bool> resized = false;
  std::atomic<bool> continued = false;
  int input_fd = -1;
  int output_fd = -1;
  int changed_fd = -1;
  termios original{};  // as found
  // As it is to be: two, so that a handler never reads one that is being written.
  std::array<termios, 2> wanted{};
  std::atomic<unsigned> wanted_index = 0;
  std::array<struct sigaction, NSIG> before{};
};
State state;

std::atomic<int> interrupts_left{0};
struct sigaction inner_interrupt{};

void write_sequence(std::string_view text) noexcept {
  if (state.output_fd < 0) return;
  [[maybe_unused]] const auto written = write(state.output_fd, text.data(), text.size());
}

// In the background a process that sets its controlling terminal is stopped for it.
bool in_foreground() noexcept {
  const pid_t group = tcgetpgrp(state.input_fd);
  return group < 0 || group == getpgrp();
}

void leave_modes() noexcept {
  if (!state.active || !in_foreground()) return;
  tcsetattr(state.input_fd, TCSANOW, &state.original);
  write_sequence(kPasteOff);
}

void take_modes() noexcept {
  if (!state.active || !in_foreground()) return;
  tcsetattr(state.input_fd, TCSANOW, &state.wanted.at(state.wanted_index));
  write_sequence(kPasteOn);
}

void set_wanted(const termios& modes) noexcept {
  const unsigned other = 1 - state.wanted_index;
  state.wanted.at(other) = modes;
  state.wanted_index = other;
}

void tell_change() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(state.changed_fd, &one, sizeof(one));
}

void unblock(int signal_number) noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void on_ending(int signal_number) {
  leave_modes();
  state.active = false;
  sigaction(signal_number, &state.before.at(static_cast<std::size_t>(signal_number)), nullptr);
  raise(signal_number);  // once this handler has returned; a fault repeats itself
}

// Stops as if nobody had handled the signal: an orphan, whom no shell would wake, goes on at once.
void stop_here() noexcept {
  leave_modes();
  struct sigaction ours{};
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &plain, &ours);
  raise(SIGTSTP);
  unblock(SIGTSTP);
  sigaction(SIGTSTP, &ours, nullptr);
  take_modes();
}

void on_event(int signal_number) {
  const int saved_errno = errno;
  if (signal_number == SIGTSTP) {
    stop_here();
  } else if (signal_number == SIGCONT) {
    take_modes();
    state.continued = true;
    tell_change();
  } else {
    state.resized = true;
    tell_change();
  }
  errno = saved_errno;
}

void on_last_resort(int signal_number) {
  if (interrupts_left.fetch_sub(1) <= 1) {
    leave_modes();
    _exit(kInterruptedStatus);
  }
  const auto inner = inner_interrupt.sa_handler;
  if (inner == SIG_DFL) {
    sigaction(SIGINT, &inner_interrupt, nullptr);
    raise(signal_number);
  } else if (inner != SIG_IGN) {
    inner(signal_number);
  }
}

// Faults and what others handle or ignore (nohup) stay with them.
void install(int signal_number, void (*handler)(int), int flags) {
  struct sigaction& before = state.before.at(static_cast<std::size_t>(signal_number));
  sigaction(signal_number, nullptr, &before);
  if ((before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL) return;
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

void uninstall(int signal_number, void (*handler)(int)) {
  struct sigaction now{};
  sigaction(signal_number, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == handler)
    sigaction(signal_number, &state.before.at(static_cast<std::size_t>(signal_number)), nullptr);
}

}  // namespace

TerminalModes::TerminalModes(int input_fd, int output_fd) {
  if (state.active || tcgetattr(input_fd, &state.original) != 0) return;
  state.input_fd = input_fd;
  state.output_fd = terminal_has_sequences() ? output_fd : -1;
  state.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  termios modes = state.original;
  modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ECHONL);
  modes.c_lflag |= ISIG;
  modes.c_iflag &= kLineEndsAsTheyAre;
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  set_wanted(modes);
  state.active = true;
  installed_ = true;
  for (const int signal_number : kEnding) install(signal_number, on_ending, SA_ONSTACK | SA_RESTART);
  for (const int signal_number : kFaults) install(signal_number, on_ending, SA_ONSTACK);
  for (const int signal_number : kEvents) install(signal_number, on_event, SA_ONSTACK | SA_RESTART);
  take_modes();
}

TerminalModes::~TerminalModes() {
  if (!installed_) return;
  for (const int signal_number : kEvents) uninstall(signal_number, on_event);
  leave_modes();
  state.active = false;
  for (const int signal_number : kEnding) uninstall(signal_number, on_ending);
  for (const int signal_number : kFaults) uninstall(signal_number, on_ending);
  if (state.changed_fd >= 0) close(state.changed_fd);
  state.changed_fd = -1;
}

void TerminalModes::keep_current() noexcept {
  termios modes{};
  if (!state.active || tcgetattr(state.input_fd, &modes) != 0) return;
  modes.c_iflag &= kLineEndsAsTheyAre;
  tcsetattr(state.input_fd, TCSANOW, &modes);
  set_wanted(modes);
}

int TerminalModes::changed_fd() noexcept {
  return state.changed_fd;
}

TerminalModes::Change TerminalModes::take_change() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(state.changed_fd, &count, sizeof(count));
  const bool resized = state.resized.exchange(false);
  if (state.continued.exchange(false)) return Change::Continued;
  return resized ? Change::Resized : Change::None;
}

bool terminal_has_sequences() noexcept {
  const char* const term = std::getenv("TERM");
  return term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

TypingKept::TypingKept() {
  set(true);
}

TypingKept::~TypingKept() {
  set(false);
}

void TypingKept::set(bool kept) noexcept {
  if (!state.active) return;
  termios modes = state.wanted.at(state.wanted_index);
  modes.c_lflag &= ~static_cast<tcflag_t>(NOFLSH);
  if (kept) modes.c_lflag |= NOFLSH;
  set_wanted(modes);
  if (in_foreground()) tcsetattr(state.input_fd, TCSANOW, &modes);
}

LastResort::LastResort(int interrupts) {
  interrupts_left = interrupts;
  sigaction(SIGINT, nullptr, &inner_interrupt);
  struct sigaction action{};
  action.sa_handler = on_last_resort;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

LastResort::~LastResort() {
  sigaction(SIGINT, &inner_interrupt, nullptr);
}

}  // namespace minerva::cli
