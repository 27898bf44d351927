#include "text/jinja/html.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/html_entities.h"
#include "text/jinja/object.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// A numeric reference as HTML 5 reads it.
void append_numeric(std::string& out, std::uint32_t number) {
  // Windows-1252 where C1 controls would be.
  constexpr std::array<char16_t, 32> kWindows1252 = {
      0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
      0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
  if (number == 0 || (number >= 0xD800 && number < 0xE000) || number > 0x10FFFF) {
    out += "\xEF\xBF\xBD";
  } else if (number >= 0x80 && number < 0xA0) {
    append_code_point(out, kWindows1252[number - 0x80]);
  } else if (number == 0x0D) {
    out += '\r';
  } else {
    const bool is_control =
        (number < 0x20 && number != 9 && number != 10 && number != 12) || number == 0x0B || number == 0x7F;
    const bool is_noncharacter = (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFEU) == 0xFFFE;
    if (!is_control && !is_noncharacter) append_code_point(out, number);
  }
}

/// Reads "#38;" or "#x26;" behind an ampersand; returns its length, 0 where there is none.
std::size_t read_numeric(std::string& out, std::string_view text) {
  std::size_t at = 1;
  const bool is_hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  if (is_hex) ++at;
  const std::size_t start = at;
  std::uint32_t number = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const char lower = static_cast<char>(c | 0x20);
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (is_hex && lower >= 'a' && lower <= 'f') digit = lower - 'a' + 10;
    if (digit < 0) break;
    if (number <= 0x10FFFF) number = number * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
  }
  if (at == start) return 0;
  append_numeric(out, number);
  return at + (at < text.size() && text[at] == ';' ? 1 : 0);
}

/// Reads "amp;" or "amp": the longest name that there is.
std::size_t read_named(std::string& out, std::string_view text) {
  constexpr std::size_t kNameMax = 32;
  std::size_t size = 0;
  while (size < std::min(kNameMax, text.size()) &&
         std::string_view("\t\n\f <&#;").find(text[size]) == std::string_view::npos)
    ++size;
  if (size < text.size() && text[size] == ';') ++size;
  for (; size > 1; --size) {
    const std::string_view meaning = html_entity(text.substr(0, size));
    if (meaning.empty()) continue;
    out += meaning;
    return size;
  }
  return 0;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  expect_bytes(text.size(), 1);
  spend(text.size() / 64);
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Value escaped(const Value& value) {
  if (is_markup(value)) return value;
  return markup(escape_html(value.is_string() ? value.text() : to_text(value)));
}

std::string unescape_html(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t read = 0;
    if (text[i] == '&' && i + 1 < text.size()) {
      const std::string_view behind = text.substr(i + 1);
      read = behind[0] == '#' ? read_numeric(out, behind) : read_named(out, behind);
    }
    if (read == 0) out += text[i];
    i += 1 + read;
  }
  return out;
}

}  // namespace minerva::jinja
