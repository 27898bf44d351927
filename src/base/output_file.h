// A file that appears complete or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace minerva {

/// Written under a temporary name in the folder of the file ("NAME.PID-N.partial"), and renamed in one step
/// by `commit`; without that the destructor takes it away. Movable, for one thread at a time.
class OutputFile {
 public:
  /// A link is followed. Removes what writers of that name left behind which ended ten minutes ago or more.
  /// Errors: InvalidRequest (the folder is missing or cannot be written; `named` is there and no regular
  /// file).
  static Result<OutputFile> create(const std::filesystem::path& named);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Appends. Errors: InvalidRequest (no space left, a quota, a limit on file sizes, a failing disk).
  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view bytes);
  std::uint64_t bytes_written() const noexcept { return bytes_; }

  enum class Existing : std::uint8_t { Replace, Keep };
  /// Writes through to the disk and gives the file its name. Errors: InvalidRequest, also when something of
  /// that name is there and is to be kept.
  Result<void> commit(Existing existing);

 private:
  OutputFile(int descriptor, std::filesystem::path temporary, std::filesystem::path path);
  void discard() noexcept;

  int descriptor_ = -1;
  std::filesystem::path temporary_;
  std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
};

/// The process that writes (or wrote) the file with this name as an OutputFile's temporary one; 0 when the
/// name is none of those.
std::int64_t partial_file_owner(std::string_view file_name) noexcept;

/// The files beside `path` that were begun as OutputFiles of that name and are not complete, with the process
/// that writes (or wrote) each.
std::vector<std::pair<std::filesystem::path, std::int64_t>> partial_files(const std::filesystem::path& path);

/// Replaces the content of the file at `path` in place: it stays the same file, with its locks. Errors:
/// InvalidRequest.
Result<void> overwrite_file(const std::filesystem::path& path, std::string_view content);

/// Bytes that this user can still write in the file system of `folder`; the largest number when unknown.
std::uint64_t available_disk_bytes(const std::filesystem::path& folder) noexcept;

/// The error of a write of `bytes` bytes to `name` where only `available` are left.
std::unexpected<Error> disk_full(std::string_view name, std::uint64_t bytes, std::uint64_t available);

}  // namespace minerva
