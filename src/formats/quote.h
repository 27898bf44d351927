// Names from files, made safe for messages.
#pragma once

#include <string>
#include <string_view>

namespace minerva {

/// `text` in single quotes; control characters and bytes that are not ASCII or valid UTF-8 as \xNN; cut after
/// 64 bytes.
std::string quoted(std::string_view text);
// Without these, argument-dependent lookup would prefer std::quoted for strings.
inline std::string quoted(const std::string& text) {
  return quoted(std::string_view(text));
}
inline std::string quoted(std::string& text) {
  return quoted(std::string_view(text));
}
inline std::string quoted(const char* text) {
  return quoted(std::string_view(text));
}

/// Whether `text` is valid UTF-8 (formats may not use text/, which lies above).
bool is_utf8(std::string_view text) noexcept;

}  // namespace minerva
