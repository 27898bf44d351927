#include "formats/gguf/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/limits.h"

namespace minerva::gguf {
namespace {

constexpr std::size_t kWindowBytes = 256 * limits::kKiB;

}  // namespace

Cursor::Cursor(const ByteSource& source, std::uint64_t end_max)
    : source_(source),
      end_(std::min(source.size(), end_max)),
      capacity_(static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, end_))),
      window_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

bool Cursor::fill(std::uint64_t count) {
  wanted_ = count;
  const std::uint64_t at = offset();
  if (count > end_ - at || count > capacity_) return false;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(capacity_, end_ - at));
  auto read = source_.read(at, std::span(window_.get(), size));
  if (!read) {
    medium_error_ = std::move(read).error();
    return false;
  }
  window_offset_ = at;
  window_bytes_ = size;
  position_ = 0;
  return true;
}

bool Cursor::skip(std::uint64_t count) {
  if (count <= window_bytes_ - position_) {
    position_ += static_cast<std::size_t>(count);
    return true;
  }
  if (count > bytes_left()) {
    wanted_ = count;
    return false;
  }
  window_offset_ = offset() + count;
  window_bytes_ = position_ = 0;
  return true;
}

bool Cursor::bytes(std::span<std::byte> out) {
  if (out.size() > bytes_left()) {
    wanted_ = out.size();
    return false;
  }
  while (!out.empty()) {
    if (!have(1)) return false;
    const std::size_t count = std::min(out.size(), window_bytes_ - position_);
    std::memcpy(out.data(), window_.get() + position_, count);
    position_ += count;
    out = out.subspan(count);
  }
  return true;
}

bool Cursor::too_long(std::uint64_t length, std::uint64_t bytes_max) {
  if (length > bytes_left()) {
    wanted_ = length;
    return true;
  }
  if (length <= bytes_max) return false;
  wanted_ = length;
  length_limit_ = bytes_max;
  return true;
}

bool Cursor::string(std::string& out, std::uint64_t bytes_max) {
  std::uint64_t length = 0;
  if (!number(length) || too_long(length, bytes_max)) return false;
  std::string text(static_cast<std::size_t>(length), '\0');
  if (!bytes(std::as_writable_bytes(std::span(text)))) return false;
  out = std::move(text);
  return true;
}

bool Cursor::skip_strings(std::uint64_t count) {
  for (; count > 0; --count) {
    std::uint64_t length = 0;
    if (!number(length) || !skip(length)) return false;
  }
  return true;
}

std::unexpected<Error> Cursor::error(std::string_view what) const {
  if (medium_error_) return std::unexpected(*medium_error_);
  if (length_limit_ != 0) {
    return model_loading(fmt::format("'{}': {} is {} bytes long at offset {}; at most {} are allowed",
                                     source_.name(), what, wanted_, offset(), length_limit_),
                         kDownloadAgain);
  }
  if (end_ < source_.size()) {
    return model_loading(
        fmt::format("'{}': the metadata goes on beyond {} bytes, the most that is read (while reading {})",
                    source_.name(), end_, what),
        kDownloadAgain);
  }
  return model_loading(
      fmt::format("'{}' ends while reading {}: {} bytes expected at offset {}, but the file has {} bytes",
                  source_.name(), what, wanted_, offset(), source_.size()),
      kDownloadAgain);
}

}  // namespace minerva::gguf
