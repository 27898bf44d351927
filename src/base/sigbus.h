// The SIGBUS handler and its table of watched files. Used by mapping.cc only.
#pragma once

#include <atomic>
#include <cstdint>

namespace minerva::sigbus {

/// A file as /proc/self/maps shows it (which on some file systems differs from what stat says).
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

/// One mapped region of this process.
struct Region {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  FileId file;
};

/// The region that holds `address`. Async-signal-safe. False where there is none.
bool find_region(std::uintptr_t address, Region& region) noexcept;

/// One watched file. Lives for ever once made; reused after `release`.
struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<std::uint64_t> device = 0;
  std::atomic<std::uint64_t> inode = 0;  // 0: not watched (written last, cleared first)
  std::atomic<bool> failed = false;
};

/// Watches `file`; installs the handler the first time. Thread-safe.
Slot* acquire(FileId file);
void release(Slot* slot) noexcept;

}  // namespace minerva::sigbus
