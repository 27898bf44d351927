#include "base/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace minerva {
namespace {

constexpr std::chrono::milliseconds kPause{50};

int operation_of(FileLock::Kind kind) noexcept {
  return kind == FileLock::Kind::Shared ? LOCK_SH : LOCK_EX;
}

/// Whether `path` still names the file that is open: somebody may have removed it in the meantime.
bool is_still(int descriptor, const std::filesystem::path& path) noexcept {
  struct stat open{};
  struct stat named{};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// An open and locked descriptor; -1 with errno EWOULDBLOCK while another has the lock.
int try_once(const std::filesystem::path& path, FileLock::Kind kind) noexcept {
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return -1;
    if (::flock(descriptor, operation_of(kind) | LOCK_NB) != 0) {
      const int number = errno;
      ::close(descriptor);
      if (number == EINTR) continue;
      errno = number;
      return -1;
    }
    if (is_still(descriptor, path)) return descriptor;
    ::close(descriptor);
  }
}

}  // namespace

Result<FileLock> FileLock::wait(const std::filesystem::path& path, Kind kind,
                                const std::function<bool()>& keep_waiting) {
  for (;;) {
    const int descriptor = try_once(path, kind);
    if (descriptor >= 0) return FileLock(descriptor);
    if (errno != EWOULDBLOCK) {
      return invalid_request(fmt::format("'{}' cannot be locked: {}", path.filename().string(),
                                         std::generic_category().message(errno)),
                             "Check that its folder can be written by this user (ls -ld).");
    }
    if (keep_waiting && !keep_waiting()) {
      return fail(ErrorCode::Cancelled, "cancelled while another process does the same",
                  "Start it again when you like: nothing was changed.");
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::optional<FileLock> FileLock::attempt(const std::filesystem::path& path, Kind kind) {
  const int descriptor = try_once(path, kind);
  if (descriptor < 0) return std::nullopt;
  return FileLock(descriptor);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileLock::share() noexcept {
  while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_SH) != 0 && errno == EINTR) {
  }
}

}  // namespace minerva
