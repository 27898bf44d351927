// The files of a ConversionCache: KEY.gguf, and KEY.lock beside it, which says what it was made from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_lock.h"

namespace minerva::convert {

/// One entry of the folder. Its lock is held shared by those who use it, exclusively by who makes or removes
/// it; its lock file holds the bytes it takes (or will) and the identity of what it was made from, and its
/// time is that of the last use.
class CacheEntry {
 public:
  CacheEntry(std::filesystem::path folder, std::string key);

  const std::string& key() const noexcept { return key_; }
  const std::filesystem::path& model() const noexcept { return model_; }
  const std::filesystem::path& lock() const noexcept { return lock_; }

  /// Whether the model is there and was made from this. Hold the lock.
  bool holds(const std::string& identity) const;
  /// Says what the model will be. Hold the lock exclusively. Errors: InvalidRequest.
  Result<void> announce(std::uint64_t bytes, const std::string& identity) const;
  void touch() const noexcept;
  std::filesystem::file_time_type last_use() const noexcept;
  /// Bytes of the model, or of the one that is being made.
  std::uint64_t bytes() const noexcept;
  /// Removes the model and what is left of its making, then the lock file. Hold the lock exclusively.
  void remove() const noexcept;
  /// Removes temporary files of makers that did not come to an end. Hold the lock exclusively.
  void remove_partial() const noexcept;

 private:
  std::filesystem::path folder_;
  std::string key_;
  std::filesystem::path model_;
  std::filesystem::path lock_;
};

/// All entries in `folder`, least recently used first.
std::vector<CacheEntry> cache_entries(const std::filesystem::path& folder);

/// Removes entries that nobody uses, least recently used first, until `bytes` more fit below `bytes_max`; and
/// what broken-off conversions left. `keep` is left alone. Hold the folder's lock. Errors: InvalidRequest
/// (more than `bytes_max`), Busy (what is in use leaves no room).
Result<void> make_room(const std::filesystem::path& folder, const std::string& keep, std::uint64_t bytes,
                       std::uint64_t bytes_max);

}  // namespace minerva::convert
