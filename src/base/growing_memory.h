// Memory that grows without being copied, and takes no page before it is written to.
#pragma once

#include <cstddef>
#include <utility>

namespace minerva {

/// One growing block. What it holds moves by its page tables, not byte by byte, and what it gives back goes
/// to the system at once: unlike a block of the heap, which leaves a hole whenever it grows. Movable; one
/// thread at a time.
class GrowingMemory {
 public:
  GrowingMemory() = default;
  GrowingMemory(GrowingMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  GrowingMemory& operator=(GrowingMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  GrowingMemory(const GrowingMemory&) = delete;
  GrowingMemory& operator=(const GrowingMemory&) = delete;
  ~GrowingMemory() { clear(); }

  /// Makes room for `bytes`; the content stays, its address may change. False when there is no memory:
  /// nothing changed.
  [[nodiscard]] bool grow(std::size_t bytes) noexcept;
  /// Gives everything back.
  void clear() noexcept;

  /// Null while empty. New bytes are zero.
  std::byte* data() const noexcept { return data_; }
  /// Whole pages.
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace minerva
