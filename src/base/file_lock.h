// Locks on files that other processes see, and that end with the process that holds them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "base/error.h"

namespace minerva {

/// An exclusive or shared lock on a file of its own, which is made when it is missing. Holds between threads
/// too: each object is a holder of its own. Who has it exclusively may remove the file, as the last thing:
/// from then on others can have the lock. Movable.
class FileLock {
 public:
  enum class Kind : unsigned char { Shared, Exclusive };

  /// Waits for the lock; `keep_waiting` is asked a few times a second. Errors: InvalidRequest (the file
  /// cannot be made), Cancelled.
  static Result<FileLock> wait(const std::filesystem::path& path, Kind kind,
                               const std::function<bool()>& keep_waiting);
  /// The lock, or nothing while another holds it (or the file cannot be made).
  static std::optional<FileLock> attempt(const std::filesystem::path& path, Kind kind);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  /// An exclusive lock becomes a shared one. Somebody else may have it in between: look again at what it
  /// protects.
  void share() noexcept;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace minerva
