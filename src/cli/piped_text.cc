#include "cli/piped_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace minerva::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};       // from one look at the pipe's other end to the next
constexpr std::chrono::milliseconds kPatience{1000};  // with those who may never write

struct Process {
  pid_t parent = 0;
  pid_t session = 0;
};

// From /proc/PID/stat: "PID (name, which may hold anything) state parent group session ...".
std::optional<Process> process(pid_t id) {
  std::ifstream file(fmt::format("/proc/{}/stat", id));
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > line.size()) return std::nullopt;
  std::istringstream fields{std::string(line.substr(name_end + 4))};
  Process found;
  pid_t group = 0;
  if (!(fields >> found.parent >> group >> found.session)) return std::nullopt;
  return found;
}

std::vector<pid_t> ancestors() {
  constexpr std::size_t kMax = 1000;
  std::vector<pid_t> all;
  for (pid_t at = ::getppid(); at > 0 && all.size() < kMax;) {
    all.push_back(at);
    const auto parent = process(at);
    at = parent ? parent->parent : 0;
  }
  return all;
}

// Whether the open file `entry` (/proc/PID/fd/N) may be written to.
bool is_writable(const fs::path& entry) {
  std::ifstream info(entry.parent_path().parent_path() / "fdinfo" / entry.filename());
  for (std::string key, value; info >> key >> value;) {
    if (key != "flags:") continue;
    unsigned flags = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), flags, 8);
    return read.ec == std::errc{} && (flags & static_cast<unsigned>(O_ACCMODE)) != O_RDONLY;
  }
  return false;
}

bool writes_to(pid_t id, const fs::path& pipe) {
  std::error_code error;
  fs::directory_iterator entry(fmt::format("/proc/{}/fd", id), error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    if (fs::read_symlink(entry->path(), unreadable) == pipe && is_writable(entry->path())) return true;
  }
  return false;
}

// Whether another process of our session, none that we descend from, holds the writing end of the pipe at
// standard input, and nobody that we descend from does: `slow | minerva run ...`, as a shell makes it.
bool is_in_a_pipeline() {
  std::error_code error;
  const fs::path pipe = fs::read_symlink("/proc/self/fd/0", error);
  if (error) return false;
  std::vector<pid_t> looked_at = ancestors();
  if (std::ranges::any_of(looked_at, [&](pid_t id) { return writes_to(id, pipe); })) return false;
  looked_at.push_back(::getpid());
  const pid_t session = ::getsid(0);
  fs::directory_iterator entry("/proc", error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t id = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
    if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) continue;
    if (std::ranges::find(looked_at, id) != looked_at.end()) continue;
    const auto found = process(id);
    if (found && found->session == session && writes_to(id, pipe)) return true;
  }
  return false;
}

// Readable: bytes, or the end of the stream.
bool is_ready(std::chrono::milliseconds wait) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, static_cast<int>(wait.count())) == 1;
}

}  // namespace

bool is_text_piped_in() {
  struct stat status{};
  const int flags = ::fcntl(STDIN_FILENO, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || ::fstat(STDIN_FILENO, &status) != 0) return false;
  // Who reads a file line by line and runs a program for each (`while read`) has not meant the rest for it.
  if (S_ISREG(status.st_mode)) return ::lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
  if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)) return false;
  const auto until = Clock::now() + kPatience;
  while (!is_ready(kLook)) {
    if (Clock::now() >= until && (S_ISSOCK(status.st_mode) || !is_in_a_pipeline())) return false;
  }
  return true;
}

}  // namespace minerva::cli
