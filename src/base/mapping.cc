#include "base/mapping.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/sigbus.h"

namespace minerva {
namespace {

// How /proc/self/maps names the file: found by mapping its first page, because device numbers there and those
// of stat differ on overlay and btrfs file systems.
sigbus::FileId mapped_identity(int descriptor) noexcept {
  const auto page = static_cast<std::size_t>(::getpagesize());
  void* const address = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) return {};
  sigbus::Region region;
  const bool found = sigbus::find_region(reinterpret_cast<std::uintptr_t>(address), region);
  ::munmap(address, page);
  return found ? region.file : sigbus::FileId{};
}

}  // namespace

Result<WatchedFile> WatchedFile::open(const std::filesystem::path& path) {
  WatchedFile file;
  file.name_ = path.filename().string();
  // O_NONBLOCK: opening a pipe nobody writes to must not hang; regular files ignore it.
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status{};
  if (file.descriptor_ < 0 || ::fstat(file.descriptor_, &status) != 0) {
    return model_loading(
        fmt::format("'{}' cannot be opened: {}", file.name_, std::generic_category().message(errno)),
        "Check the path and that the file can be read by this user (ls -l).");
  }
  if (!S_ISREG(status.st_mode)) {
    return model_loading(fmt::format("'{}' is not a regular file", file.name_),
                         "Give a file or a directory that holds a model.");
  }
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  file.modified_seconds_ = status.st_mtim.tv_sec;
  file.modified_nanoseconds_ = status.st_mtim.tv_nsec;
  if (file.size_ > 0) file.slot_ = sigbus::acquire(mapped_identity(file.descriptor_));
  return file;
}

WatchedFile::WatchedFile(WatchedFile&& other) noexcept {
  *this = std::move(other);
}

WatchedFile& WatchedFile::operator=(WatchedFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  slot_ = std::exchange(other.slot_, nullptr);
  size_ = other.size_;
  modified_seconds_ = other.modified_seconds_;
  modified_nanoseconds_ = other.modified_nanoseconds_;
  name_ = std::move(other.name_);
  return *this;
}

WatchedFile::~WatchedFile() {
  close();
}

void WatchedFile::close() noexcept {
  if (slot_ != nullptr) sigbus::release(static_cast<sigbus::Slot*>(slot_));
  if (descriptor_ >= 0) ::close(descriptor_);
  slot_ = nullptr;
  descriptor_ = -1;
}

FileState WatchedFile::state() const noexcept {
  if (slot_ != nullptr && static_cast<sigbus::Slot*>(slot_)->failed.load(std::memory_order_acquire))
    return FileState::Failed;
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) return FileState::Failed;
  const bool same = static_cast<std::uint64_t>(status.st_size) == size_ &&
                    status.st_mtim.tv_sec == modified_seconds_ &&
                    status.st_mtim.tv_nsec == modified_nanoseconds_;
  return same ? FileState::Intact : FileState::Changed;
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  MINERVA_ASSIGN(WatchedFile watched, WatchedFile::open(path));
  MappedFile file(std::move(watched));
  const std::uint64_t size = file.file_.size();
  if (size == 0) return file;
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.file_.descriptor(), 0);
  if (address == MAP_FAILED) {
    return fail(ErrorCode::OutOfMemory,
                fmt::format("'{}' ({} bytes) cannot be mapped: {}", file.name(), size,
                            std::generic_category().message(errno)),
                "Raise the address space limit (ulimit -v), or use a smaller model.");
  }
  file.bytes_ = {static_cast<const std::byte*>(address), static_cast<std::size_t>(size)};
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void release_pages(std::span<const std::byte> bytes) noexcept {
  const auto page = static_cast<std::uintptr_t>(::getpagesize());
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t begin = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + bytes.size()) / page * page;
  if (begin >= end) return;
  // Clean pages of a file: nothing is lost.
  auto* const first = const_cast<std::byte*>(bytes.data()) + (begin - address);
  ::madvise(first, static_cast<std::size_t>(end - begin), MADV_DONTNEED);
}

Error file_state_error(FileState state, const std::string& name) {
  if (state == FileState::Changed) {
    return {
        ErrorCode::ModelLoading, fmt::format("the model file '{}' changed on disk while it was in use", name),
        "Open the model again; to update a model in use, write a new file and rename it over the old one."};
  }
  return {
      ErrorCode::ModelLoading,
      fmt::format(
          "the model file '{}' could not be read while it was in use: it was truncated, or its disk failed",
          name),
      kDownloadAgain};
}

}  // namespace minerva
