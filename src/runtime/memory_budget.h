// Who may take how much memory: the one ledger of an engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/error.h"

namespace minerva {

/// Bytes that a resident model has been granted; given back when it goes. Thread-safe.
class MemoryGrant {
 public:
  virtual ~MemoryGrant() = default;
  /// Asked every 50 ms whether to go on waiting.
  using KeepWaiting = std::function<bool()>;
  /// Changes what the holder may use to `bytes` in all, making room by evicting idle models where that helps,
  /// and, while `waits` says so (empty: never), by waiting for running requests of other models. Only for a
  /// holder that computes nothing meanwhile; of several such holders one waits, and the others are told Busy,
  /// so that nobody waits in a circle. `stop`: the holder goes. Shrinking always succeeds. Errors (nothing
  /// changed then): OutOfMemory when it would never fit; Busy when running requests of others hold what is
  /// missing; Cancelled.
  virtual Result<void> resize(std::uint64_t bytes, const std::stop_token& stop, const KeepWaiting& waits) = 0;
  /// The same with what is free just now; false: nothing changed.
  virtual bool try_resize(std::uint64_t bytes) = 0;
  virtual std::uint64_t bytes() const noexcept = 0;
};

}  // namespace minerva
