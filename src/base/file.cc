#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace minerva {
namespace {

std::string reason(int number) {
  return std::generic_category().message(number);
}

std::unexpected<Error> open_error(const std::string& name, int number, ErrorCode code) {
  if (number == ENOENT || number == ENOTDIR) {
    return fail(code, fmt::format("there is no file '{}'", name),
                "Check the path; if the file belongs to a model, download it again.");
  }
  if (number == EMFILE || number == ENFILE) {
    return fail(code, fmt::format("'{}' cannot be opened: {}", name, reason(number)),
                "Raise the limit on open files (ulimit -n) or close other programs.");
  }
  return fail(code, fmt::format("'{}' cannot be opened: {}", name, reason(number)),
              "Check that the file can be read by this user (ls -l).");
}

std::unexpected<Error> short_read(const std::string& name, std::uint64_t offset, std::size_t wanted,
                                  std::uint64_t size) {
  return model_loading(
      fmt::format("'{}' ends too early: {} bytes expected at offset {}, but the file has {} bytes", name,
                  wanted, offset, size),
      kDownloadAgain);
}

}  // namespace

File::File(int descriptor, std::uint64_t size, std::string name)
    : descriptor_(descriptor), size_(size), name_(std::move(name)) {}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), name_(std::move(other.name_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::filesystem::path& path, ErrorCode code) {
  std::string name = path.filename().string();
  // O_NONBLOCK: opening a pipe nobody writes to must not hang; regular files ignore it.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return open_error(name, errno, code);
  File file(descriptor, 0, std::move(name));
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return open_error(file.name_, errno, code);
  if (!S_ISREG(status.st_mode)) {
    return fail(code, fmt::format("'{}' is not a regular file", file.name_),
                "Give a file or a directory that holds a model.");
  }
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

Result<void> File::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) return short_read(name_, offset, out.size(), size_);
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return model_loading(
          fmt::format("'{}' cannot be read at offset {}: {}", name_, offset + done, reason(errno)),
          "The disk may be failing or the network share gone: copy the file and try again.");
    }
    // It was longer when it was opened: someone is truncating or replacing it.
    if (count == 0) return short_read(name_, offset, out.size(), offset + done);
    done += static_cast<std::size_t>(count);
  }
  return {};
}

MemorySource::MemorySource(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {}

Result<void> MemorySource::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    return short_read(name_, offset, out.size(), bytes_.size());
  }
  std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
  return {};
}

bool path_exists(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max,
                              std::size_t padding) {
  MINERVA_ASSIGN(const File file, File::open(path));
  if (file.size() > bytes_max) {
    return model_loading(
        fmt::format("'{}' has {} bytes; at most {} are read", file.name(), file.size(), bytes_max),
        "This is not the file its name promises: download it again from the model's page.");
  }
  std::string content;
  content.reserve(file.size() + padding);
  content.resize(file.size());
  MINERVA_TRY(file.read(0, std::as_writable_bytes(std::span(content))));
  return content;
}

}  // namespace minerva
