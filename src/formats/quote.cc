#include "formats/quote.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace minerva {

bool is_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShownBytes = 64;
  const bool cut = text.size() > kShownBytes;
  if (cut) {
    text = text.substr(0, kShownBytes);
    // Not in the middle of a character.
    while (!text.empty() && !is_utf8(text) && (static_cast<unsigned char>(text.back()) & 0x80U) != 0 &&
           text.size() > kShownBytes - 4) {
      text.remove_suffix(1);
    }
  }
  const bool plain = is_utf8(text);
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !plain)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (cut ? "...'" : "'");
}

}  // namespace minerva
