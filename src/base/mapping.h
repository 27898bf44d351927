// Files mapped into memory that may be truncated, overwritten or lost while they are in use.
//
// Touching a mapped page that its file no longer has raises SIGBUS. The handler installed here turns the rest
// of such a mapping into zeros and remembers that the file failed, so that its user ends with an error
// instead of the process. It does so for every mapping of a watched file, whoever made it (llama.cpp maps
// model files itself).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"

namespace minerva {

enum class FileState : std::uint8_t {
  Intact,
  Changed,  ///< size or modification time differ from when it was opened
  Failed,   ///< a mapped page could not be read: truncated, or the disk failed; zeros are in its place
};

/// A regular file held open and watched. From `open` until destruction a SIGBUS in any mapping of it in this
/// process is survived. Movable; the const members are thread-safe.
class WatchedFile {
 public:
  /// Errors: ModelLoading when it cannot be opened or is not a regular file.
  static Result<WatchedFile> open(const std::filesystem::path& path);
  WatchedFile(WatchedFile&& other) noexcept;
  WatchedFile& operator=(WatchedFile&& other) noexcept;
  WatchedFile(const WatchedFile&) = delete;
  WatchedFile& operator=(const WatchedFile&) = delete;
  ~WatchedFile();

  /// Looks (one system call). A file that was replaced by a rename is Intact: the old one stays readable.
  FileState state() const noexcept;
  std::uint64_t size() const noexcept { return size_; }
  int descriptor() const noexcept { return descriptor_; }
  const std::string& name() const noexcept { return name_; }

 private:
  friend class MappedFile;
  WatchedFile() = default;
  void close() noexcept;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::int64_t modified_seconds_ = 0;
  std::int64_t modified_nanoseconds_ = 0;
  void* slot_ = nullptr;  // in the handler's table; null for an empty file, which nobody can map
  std::string name_;
};

/// A whole file mapped read-only. Movable; the const members are thread-safe.
class MappedFile {
 public:
  /// Errors: those of WatchedFile::open; OutOfMemory when the address space is used up.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  FileState state() const noexcept { return file_.state(); }
  const std::string& name() const noexcept { return file_.name(); }

 private:
  explicit MappedFile(WatchedFile file) : file_(std::move(file)) {}

  WatchedFile file_;
  std::span<const std::byte> bytes_;
};

/// Takes the pages that lie wholly in `bytes`, a part of a MappedFile, out of this process's memory: for what
/// was copied and is not needed again soon. Reading them brings them back. Thread-safe.
void release_pages(std::span<const std::byte> bytes) noexcept;

/// The error that requests get once a file's state is not Intact. `name`: the file's.
Error file_state_error(FileState state, const std::string& name);

}  // namespace minerva
