// Reading and writing UTF-8, code point by code point. Everything that reads expects valid UTF-8 (texts and
// files are checked where they come in).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minerva::tokenizers {

struct CodePoint {
  char32_t value;
  std::uint32_t length;  ///< bytes, 1 to 4
};

/// Bytes of the character that begins with `lead`.
constexpr std::uint32_t utf8_length(unsigned char lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

constexpr bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The character at `at`, which must not be the end.
inline CodePoint decode_utf8(const char* at) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  const char32_t lead = bytes[0];
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {((lead & 0x1FU) << 6U) | (bytes[1] & 0x3FU), 2};
  if (lead < 0xF0) return {((lead & 0x0FU) << 12U) | ((bytes[1] & 0x3FU) << 6U) | (bytes[2] & 0x3FU), 3};
  return {
      ((lead & 0x07U) << 18U) | ((bytes[1] & 0x3FU) << 12U) | ((bytes[2] & 0x3FU) << 6U) | (bytes[3] & 0x3FU),
      4};
}

/// The byte position of the character before `position` (> 0).
inline std::size_t previous_utf8(std::string_view text, std::size_t position) noexcept {
  do {
    --position;
  } while (position > 0 && is_continuation(text[position]));
  return position;
}

inline void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0U | (c >> 6U)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0U | (c >> 12U)));
    out.push_back(static_cast<char>(0x80U | ((c >> 6U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  } else {
    out.push_back(static_cast<char>(0xF0U | (c >> 18U)));
    out.push_back(static_cast<char>(0x80U | ((c >> 12U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | ((c >> 6U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  }
}

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace minerva::tokenizers
