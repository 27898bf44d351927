// UTF-8 as the Unicode Standard (table 3-7) has it: no overlong forms, no surrogates, at most U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace minerva {

/// The offset of the first byte that is not valid UTF-8, or npos when all of `text` is valid.
std::size_t find_invalid_utf8(std::string_view text) noexcept;
inline bool is_valid_utf8(std::string_view text) noexcept {
  return find_invalid_utf8(text) == std::string_view::npos;
}

/// Turns a stream of bytes, cut anywhere, into whole characters. Bytes that can't be part of a character
/// become U+FFFD, one for each maximal subpart (what browsers and Hugging Face's decoders do).
class Utf8Stream {
 public:
  /// The characters that `bytes` completes, possibly none.
  std::string push(std::string_view bytes);
  /// The stream ends: U+FFFD when a character was begun, else nothing.
  std::string finish();

 private:
  std::string pending_;  // a valid beginning of one character: at most 3 bytes
};

}  // namespace minerva
