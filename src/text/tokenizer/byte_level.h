// The byte-level alphabet of GPT-2: every byte as one printable character, so that a vocabulary of strings
// can hold any bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace minerva::tokenizers {

/// The characters of the bytes 0 to 255; each below U+0144.
const std::array<char16_t, 256>& byte_characters() noexcept;

/// Appends `bytes` written in the byte-level alphabet.
void append_byte_level(std::string& out, std::string_view bytes);

/// Appends the bytes that `text` (valid UTF-8) writes in the byte-level alphabet. False, with `out` as it
/// was, when a character is not of that alphabet.
bool append_from_byte_level(std::string& out, std::string_view text);

}  // namespace minerva::tokenizers
