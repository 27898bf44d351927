// Who may take how much memory: the one ledger of an engine.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"

namespace minerva {

/// Bytes that a resident model has been granted; given back when it goes. Thread-safe.
class MemoryGrant {
 public:
  virtual ~MemoryGrant() = default;
  /// Changes what the holder may use to `bytes` in all, making room by evicting idle models where that helps.
  /// Shrinking always succeeds. Errors: OutOfMemory (nothing changed), with both numbers.
  virtual Result<void> resize(std::uint64_t bytes) = 0;
  virtual std::uint64_t bytes() const noexcept = 0;
};

}  // namespace minerva
