#include "cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "support/paths.h"

extern char** environ;

namespace minerva::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::seconds kScreenPatience{60};

std::vector<std::string> make_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    const bool ours = name.starts_with("MINERVA_") || name.starts_with("XDG_") || name == "NO_COLOR";
    if (!ours && !changes.contains(name)) out.emplace_back(text);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) out.push_back(name + "=" + value);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Becomes the program. Only what a child of a process with threads may call.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment) {
  for (const int number : {SIGINT, SIGPIPE}) std::signal(number, SIG_DFL);
  execve(program, arguments, environment);
  _exit(127);
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
};

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

void feed(int& fd, std::string_view& input) {
  if (!input.empty()) {
    const ssize_t written = write(fd, input.data(), input.size());
    if (written < 0 && errno != EAGAIN) input = {};
    if (written > 0) input.remove_prefix(static_cast<std::size_t>(written));
  }
  if (input.empty()) Pipe::close_end(fd);
}

}  // namespace

Outcome run_minerva(const Start& start) {
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> arguments{"minerva"};
  arguments.insert(arguments.end(), start.arguments.begin(), start.arguments.end());
  auto environment = make_environment(start.environment);
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    dup2(start.input ? in.read_end : open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(start.output_file.empty() ? out.write_end : open(start.output_file.c_str(), O_WRONLY),
         STDOUT_FILENO);
    dup2(err.write_end, STDERR_FILENO);
    become(start.program.c_str(), argv.data(), envp.data());
  }
  Pipe::close_end(in.read_end);
  Pipe::close_end(out.write_end);
  Pipe::close_end(err.write_end);
  fcntl(in.write_end, F_SETFL, O_NONBLOCK);

  Outcome outcome;
  std::string_view input = start.input ? std::string_view(*start.input) : std::string_view{};
  bool interrupt_pending = start.interrupt_after.has_value();
  const auto deadline = Clock::now() + kPatience;
  while (out.read_end >= 0 || err.read_end >= 0) {
    std::array<pollfd, 3> waits{
        {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}, {in.write_end, POLLOUT, 0}}};
    poll(waits.data(), waits.size(), 100);
    if (Clock::now() > deadline) kill(child, SIGKILL);
    if (waits[0].revents != 0 && !drain(out.read_end, outcome.out)) Pipe::close_end(out.read_end);
    if (waits[1].revents != 0 && !drain(err.read_end, outcome.err)) Pipe::close_end(err.read_end);
    if (in.write_end >= 0 && (waits[2].revents != 0 || input.empty())) feed(in.write_end, input);
    if (start.close_output_after && outcome.out.size() >= *start.close_output_after)
      Pipe::close_end(out.read_end);
    if (interrupt_pending &&
        (*start.interrupt_after == 0 ? !outcome.err.empty() : outcome.out.size() >= *start.interrupt_after)) {
      kill(child, SIGINT);
      interrupt_pending = false;
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  outcome.status = status_of(status);
  return outcome;
}

Outcome run_minerva(std::vector<std::string> arguments) {
  Start start;
  start.arguments = std::move(arguments);
  return run_minerva(start);
}

Outcome run_program(const std::string& program, std::vector<std::string> arguments) {
  Start start;
  start.program = program;
  start.arguments = std::move(arguments);
  return run_minerva(start);
}

TerminalSession::TerminalSession(std::vector<std::string> arguments,
                                 std::map<std::string, std::string> changes, const std::string& program) {
  arguments.insert(arguments.begin(), program);
  auto environment = make_environment(changes);
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  process_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (process_ < 0) throw std::runtime_error("forkpty failed");
  if (process_ == 0) become(program.c_str(), argv.data(), envp.data());
}

TerminalSession::~TerminalSession() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(terminal_);
}

void TerminalSession::resize(unsigned short columns) {
  const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(terminal_, TIOCSWINSZ, &size);
}

void TerminalSession::send_signal(int signal) const {
  kill(process_, signal);
}

TerminalSession::Modes TerminalSession::modes() const {
  termios modes{};
  if (tcgetattr(terminal_, &modes) != 0) throw std::runtime_error("the terminal has no modes");
  return {.echo = (modes.c_lflag & ECHO) != 0, .lines = (modes.c_lflag & ICANON) != 0};
}

void TerminalSession::type(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t written = write(terminal_, keys.data(), keys.size());
    if (written <= 0) throw std::runtime_error("cannot type");
    keys.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool TerminalSession::read_more(Clock::time_point until) {
  pollfd wait{terminal_, POLLIN, 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
  return drain(terminal_, seen_);
}

bool TerminalSession::wait_for(std::string_view text) {
  const auto until = Clock::now() + kScreenPatience;
  for (;;) {
    const auto at = seen_.find(text, found_);
    if (at != std::string::npos) {
      found_ = at + text.size();
      return true;
    }
    if (!read_more(until)) return false;
  }
}

bool TerminalSession::wait_for_prompt(std::string_view text) {
  if (!wait_for(text)) return false;
  const auto until = Clock::now() + kScreenPatience;
  for (; Clock::now() < until; usleep(1000)) {
    if (!modes().lines) return true;
  }
  return false;
}

int TerminalSession::wait_for_end() {
  const auto until = Clock::now() + kScreenPatience;
  while (read_more(until)) {
  }
  if (Clock::now() >= until) kill(process_, SIGKILL);
  int status = 0;
  waitpid(std::exchange(process_, -1), &status, 0);
  return status_of(status);
}

}  // namespace minerva::testing
