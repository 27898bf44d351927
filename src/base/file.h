// Reading files: whole small ones, and big ones at offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/error.h"

namespace minerva {

/// Bytes at offsets. An interface, so that parsers read memory in fuzzing and failing media in tests.
/// Thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const noexcept = 0;
  /// Fills `out` from `offset`. Errors: ModelLoading when fewer bytes are there or the medium fails.
  virtual Result<void> read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// What messages call it: a file name without its folders.
  virtual const std::string& name() const noexcept = 0;
};

/// A regular file opened for reading. Its size is the size when it was opened. Movable, thread-safe.
class File final : public ByteSource {
 public:
  /// Errors, with `code`: nothing there, no permission, not a regular file (a pipe never blocks this).
  static Result<File> open(const std::filesystem::path& path, ErrorCode code = ErrorCode::ModelLoading);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() override;

  std::uint64_t size() const noexcept override { return size_; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override;
  const std::string& name() const noexcept override { return name_; }

 private:
  File(int descriptor, std::uint64_t size, std::string name);
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::string name_;
};

/// Bytes in memory that stay valid as long as this lives.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::span<const std::byte> bytes, std::string name);
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override;
  const std::string& name() const noexcept override { return name_; }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
};

/// Whether something is at `path` (what a link names); false when that can't be told.
bool path_exists(const std::filesystem::path& path) noexcept;

/// The whole content of a file of at most `bytes_max` bytes. The string has capacity for `padding` bytes more
/// (simdjson reads past the end). Errors: those of File::open; ModelLoading when the file is larger.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max,
                              std::size_t padding = 0);

}  // namespace minerva
