#include "base/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "base/checked.h"

namespace minerva {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".partial";
constexpr int kNamesTried = 100;

std::unexpected<Error> cannot(std::string_view what, const fs::path& path, int number) {
  const std::string name = path.filename().string();
  if (number == ENOSPC || number == EDQUOT) {
    return invalid_request(
        fmt::format("'{}' cannot be written: {}", name, std::generic_category().message(number)),
        "Free some space on that disk, or write to another one.");
  }
  if (number == EFBIG) {
    return invalid_request(
        fmt::format("'{}' cannot be written: it grows larger than a file may be here", name),
        "Raise the limit (ulimit -f), or write to a file system that takes large files.");
  }
  return invalid_request(
      fmt::format("'{}' cannot be {}: {}", name, what, std::generic_category().message(number)),
      "Check that the folder exists and that this user may write to it (ls -ld).");
}

/// A name that no other OutputFile of any process takes.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() /
         fmt::format("{}.{}-{}{}", path.filename().string(), ::getpid(), counter.fetch_add(1), kSuffix);
}

/// Makes a rename survive a power cut. Not every file system can: then it is as safe as it gets.
void sync_folder(const fs::path& folder) noexcept {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Writes all of it; errno where that fails, else 0.
int write_all(int descriptor, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

/// Where the file is to be: the target of a link. Only what is a file may be replaced: not a device, a pipe
/// or a folder.
Result<fs::path> target_of(const fs::path& path) {
  std::error_code error;
  const bool is_link = fs::is_symlink(fs::symlink_status(path, error));
  const fs::file_status status = fs::status(path, error);
  if (is_link && !fs::exists(status)) {
    return invalid_request(fmt::format("'{}' is a link to something that is not there", path.string()),
                           "Remove the link, or choose another name.");
  }
  if (!fs::exists(status)) return path;
  if (!fs::is_regular_file(status)) {
    return invalid_request(fmt::format("'{}' is there and is no regular file", path.string()),
                           "Choose another name.");
  }
  return is_link ? fs::canonical(path, error) : path;
}

/// Removes what writers of the same name left that did not come to an end.
void remove_abandoned(const fs::path& path) {
  constexpr auto kLeftFor = std::chrono::minutes(10);  // another machine's process has the same id, maybe
  for (const auto& [partial, owner] : partial_files(path)) {
    if (::kill(static_cast<pid_t>(owner), 0) == 0 || errno != ESRCH) continue;
    std::error_code ignored;
    const auto written = fs::last_write_time(partial, ignored);
    if (!ignored && fs::file_time_type::clock::now() - written > kLeftFor) fs::remove(partial, ignored);
  }
}

}  // namespace

OutputFile::OutputFile(int descriptor, fs::path temporary, fs::path path)
    : descriptor_(descriptor), temporary_(std::move(temporary)), path_(std::move(path)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      temporary_(std::move(other.temporary_)),
      path_(std::move(other.path_)),
      bytes_(other.bytes_) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(temporary_, other.temporary_);
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

OutputFile::~OutputFile() {
  discard();
}

void OutputFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
}

Result<OutputFile> OutputFile::create(const fs::path& named) {
  if (named.filename().empty() || named.filename() == "." || named.filename() == "..") {
    return invalid_request(fmt::format("'{}' is no name for a file", named.string()),
                           "Give the path of the file to write.");
  }
  MINERVA_ASSIGN(const fs::path path, target_of(named));
  remove_abandoned(path);
  int number = EEXIST;
  for (int i = 0; i < kNamesTried && number == EEXIST; ++i) {  // another machine's process may have the id
    const fs::path temporary = temporary_name(path);
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return OutputFile(descriptor, temporary, path);
    number = errno;
  }
  return cannot("created", path, number);
}

Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  if (const int number = write_all(descriptor_, bytes); number != 0) return cannot("written", path_, number);
  bytes_ += bytes.size();
  return {};
}

Result<void> OutputFile::write(std::string_view bytes) {
  return write(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

Result<void> OutputFile::commit(Existing existing) {
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return cannot("written", path_, errno);
  if (existing == Existing::Keep) {  // a link is made only where nothing is
    if (::link(temporary_.c_str(), path_.c_str()) != 0) {
      if (errno == EEXIST) {
        return invalid_request(fmt::format("'{}' exists already", path_.string()),
                               "Choose another name, or say that it is to be replaced.");
      }
      if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK) return cannot("created", path_, errno);
      // A file system without links.
      if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return cannot("created", path_, errno);
    } else {
      ::unlink(temporary_.c_str());
    }
  } else if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return cannot("created", path_, errno);
  }
  ::close(std::exchange(descriptor_, -1));
  sync_folder(path_.parent_path());
  return {};
}

std::int64_t partial_file_owner(std::string_view file_name) noexcept {
  if (!file_name.ends_with(kSuffix)) return 0;
  file_name.remove_suffix(kSuffix.size());
  const std::size_t dash = file_name.rfind('-');
  const std::size_t dot = file_name.rfind('.');
  if (dash == std::string_view::npos || dot == std::string_view::npos || dot > dash) return 0;
  const std::string_view digits = file_name.substr(dot + 1, dash - dot - 1);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  return error == std::errc{} && end == digits.data() + digits.size() && id > 0 ? id : 0;
}

std::vector<std::pair<fs::path, std::int64_t>> partial_files(const fs::path& path) {
  std::vector<std::pair<fs::path, std::int64_t>> found;
  const std::string beginning = path.filename().string() + ".";
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto owner = name.starts_with(beginning) ? partial_file_owner(name) : 0;
    if (owner != 0) found.emplace_back(entry->path(), owner);
  }
  return found;
}

Result<void> overwrite_file(const fs::path& path, std::string_view content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return cannot("opened", path, errno);
  const int number = write_all(descriptor, std::as_bytes(std::span(content)));
  ::close(descriptor);
  if (number != 0) return cannot("written", path, number);
  return {};
}

std::uint64_t available_disk_bytes(const fs::path& folder) noexcept {
  struct statvfs status{};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &status) != 0) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  const auto bytes = checked_multiply<std::uint64_t>(status.f_bavail, status.f_frsize);
  return bytes.value_or(std::numeric_limits<std::uint64_t>::max());
}

std::unexpected<Error> disk_full(std::string_view name, std::uint64_t bytes, std::uint64_t available) {
  return invalid_request(
      fmt::format("'{}' needs {} bytes, but its disk has only {} left", name, bytes, available),
      "Free some space on that disk, or write to another one.");
}

}  // namespace minerva
