// A forward reader over a ByteSource, with a window so that millions of small reads cost few system calls and
// no more memory than the window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/file.h"

namespace minerva::gguf {

/// Reads return false when the source ends first or the medium fails; `error` then says which. After a false
/// the cursor must not be used again, except for `error`.
class Cursor {
 public:
  /// Reads `source` up to `end_max`: beyond it every read fails as if the file ended there.
  Cursor(const ByteSource& source, std::uint64_t end_max);

  std::uint64_t offset() const noexcept { return window_offset_ + position_; }
  std::uint64_t bytes_left() const noexcept { return end_ - offset(); }

  template <class T>
    requires std::is_arithmetic_v<T>
  [[nodiscard]] bool number(T& out) {
    if (!have(sizeof(T))) return false;
    std::memcpy(&out, window_.get() + position_, sizeof(T));
    position_ += sizeof(T);
    return true;
  }
  /// A length (u64) of at most `bytes_max`, then so many bytes. `out` is untouched on failure.
  [[nodiscard]] bool string(std::string& out, std::uint64_t bytes_max);
  [[nodiscard]] bool bytes(std::span<std::byte> out);
  [[nodiscard]] bool skip(std::uint64_t count);
  /// Steps over `count` strings. No string is looked at, but every length is.
  [[nodiscard]] bool skip_strings(std::uint64_t count);

  /// Why the last read failed. `what`: what was being read, for example "key 3 of 20".
  std::unexpected<Error> error(std::string_view what) const;

 private:
  bool have(std::uint64_t count) { return window_bytes_ - position_ >= count || fill(count); }
  bool fill(std::uint64_t count);
  bool too_long(std::uint64_t length, std::uint64_t bytes_max);

  const ByteSource& source_;
  std::uint64_t end_;
  std::uint64_t window_offset_ = 0;  // of the window in the file
  std::size_t window_bytes_ = 0;
  std::size_t position_ = 0;  // in the window
  std::size_t capacity_;
  std::unique_ptr<std::byte[]> window_;
  std::optional<Error> medium_error_;
  std::uint64_t wanted_ = 0;        // bytes the failing read asked for
  std::uint64_t length_limit_ = 0;  // not 0: a string was longer than this
};

}  // namespace minerva::gguf
