#include "text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "text/jinja/budget.h"

namespace minerva::jinja {
namespace {

utf8proc_category_t category(char32_t c) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}
bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}
bool is_ascii_lower(char32_t c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_ascii_upper(char32_t c) noexcept {
  return c >= 'A' && c <= 'Z';
}
bool is_ascii_digit(char32_t c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr char32_t kCapitalSigma = 0x3A3;

/// Case_Ignorable.
bool is_case_ignorable(char32_t c) noexcept {
  constexpr std::array<char32_t, 17> kPunctuation = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                                     0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                                     0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return std::ranges::binary_search(kPunctuation, c);
  }
}

/// Final at the end of a word: a cased letter before, none behind.
char32_t lower_sigma(std::u32string_view text, std::size_t at) noexcept {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return 0x3C3;
  std::size_t behind = at + 1;
  while (behind < text.size() && is_case_ignorable(text[behind])) ++behind;
  return behind < text.size() && is_cased(text[behind]) ? 0x3C3 : 0x3C2;
}

void append_lower(std::string& out, std::u32string_view text, std::size_t at) {
  const char32_t c = text[at];
  if (c == kCapitalSigma) {
    append_code_point(out, lower_sigma(text, at));
  } else if (c == 0x130) {
    out += "i\xCC\x87";
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_special(std::string& out, std::u32string_view special) {
  for (const char32_t c : special) append_code_point(out, c);
}

void append_upper(std::string& out, char32_t c) {
  const auto special = special_upper(c);
  if (!special.empty()) return append_special(out, special);
  append_code_point(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
}

void append_title(std::string& out, char32_t c) {
  const auto special = special_title(c);
  if (!special.empty()) return append_special(out, special);
  append_code_point(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

template <class Map>
std::string map_ascii(std::string_view text, Map map) {
  std::string out(text);
  for (char& byte : out) byte = map(byte);
  return out;
}
char ascii_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
}
char ascii_upper(char byte) {
  return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 32) : byte;
}

}  // namespace

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::size_t offset_of(std::string_view text, std::size_t index) noexcept {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (index == 0) return at;
    --index;
  }
  return at;
}

char32_t CodePoints::next() noexcept {
  const auto lead = static_cast<unsigned char>(text_[at_++]);
  if (lead < 0x80) return lead;
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t c = lead & (0x3FU >> static_cast<unsigned>(more));
  for (int i = 0; i < more && at_ < text_.size(); ++i)
    c = (c << 6U) | (static_cast<unsigned char>(text_[at_++]) & 0x3FU);
  return c;
}

void append_code_point(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

std::u32string to_code_points(std::string_view text) {
  std::u32string out;
  expect_bytes(text.size(), sizeof(char32_t));
  out.reserve(text.size());
  for (CodePoints points(text); !points.done();) out.push_back(points.next());
  return out;
}

bool is_space(char32_t c) noexcept {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_break(char32_t c) noexcept {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_printable(char32_t c) noexcept {
  if (c < 0x80) return c >= 0x20 && c < 0x7F;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alpha(char32_t c) noexcept {
  if (c < 0x80) return is_ascii_lower(c) || is_ascii_upper(c);
  const auto found = category(c);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(char32_t c) noexcept {
  return c < 0x80 ? is_ascii_digit(c) : category(c) == UTF8PROC_CATEGORY_ND;
}
bool is_digit(char32_t c) noexcept {
  return is_decimal(c) || is_other_digit(c);
}
bool is_numeric(char32_t c) noexcept {
  if (c < 0x80) return is_ascii_digit(c);
  const auto found = category(c);
  return (found >= UTF8PROC_CATEGORY_ND && found <= UTF8PROC_CATEGORY_NO) || is_other_numeric(c);
}
bool is_alnum(char32_t c) noexcept {
  return is_alpha(c) || is_numeric(c);
}
bool is_lower(char32_t c) noexcept {
  if (c < 0x80) return is_ascii_lower(c);
  return category(c) == UTF8PROC_CATEGORY_LL || has_other_lowercase(c);
}
bool is_upper(char32_t c) noexcept {
  if (c < 0x80) return is_ascii_upper(c);
  return category(c) == UTF8PROC_CATEGORY_LU || has_other_uppercase(c);
}
bool is_title(char32_t c) noexcept {
  return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_cased(char32_t c) noexcept {
  return is_lower(c) || is_upper(c) || is_title(c);
}

bool is_identifier_start(char32_t c) noexcept {
  if (c < 0x80) return c == '_' || is_ascii_lower(c) || is_ascii_upper(c);
  return is_alpha(c) || category(c) == UTF8PROC_CATEGORY_NL;
}
bool is_identifier_part(char32_t c) noexcept {
  if (is_identifier_start(c)) return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}
bool is_word(char32_t c) noexcept {
  return c == '_' || is_alnum(c);
}

int decimal_value(char32_t c) noexcept {
  if (is_ascii_digit(c)) return static_cast<int>(c - '0');
  if (c < 0x80 || !is_decimal(c)) return -1;
  // Decimal digits stand in tens, from 0 to 9; only the mathematical ones follow each other without a gap.
  if (c >= 0x1D7CE && c <= 0x1D7FF) return static_cast<int>((c - 0x1D7CE) % 10);
  char32_t zero = c;
  while (is_decimal(zero - 1) && c - (zero - 1) < 10) --zero;
  return static_cast<int>(c - zero);
}

std::string to_upper(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, ascii_upper);
  std::string out;
  for (CodePoints points(text); !points.done();) append_upper(out, points.next());
  return out;
}

std::string to_lower(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, ascii_lower);
  const std::u32string points = to_code_points(text);
  std::string out;
  for (std::size_t i = 0; i < points.size(); ++i) append_lower(out, points, i);
  return out;
}

std::string to_title(std::string_view text) {
  const std::u32string points = to_code_points(text);
  std::string out;
  bool in_word = false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (in_word) {
      append_lower(out, points, i);
    } else {
      append_title(out, points[i]);
    }
    in_word = is_cased(points[i]);
  }
  return out;
}

std::string capitalized(std::string_view text) {
  const std::u32string points = to_code_points(text);
  std::string out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == 0) {
      append_title(out, points[i]);
    } else {
      append_lower(out, points, i);
    }
  }
  return out;
}

std::string swapped_case(std::string_view text) {
  const std::u32string points = to_code_points(text);
  std::string out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (is_upper(points[i])) {
      append_lower(out, points, i);
    } else if (is_lower(points[i])) {
      append_upper(out, points[i]);
    } else {
      append_code_point(out, points[i]);
    }
  }
  return out;
}

std::string case_folded(std::string_view text) {
  if (is_ascii(text)) return map_ascii(text, ascii_lower);
  std::string out;
  for (CodePoints points(text); !points.done();) {
    std::array<utf8proc_int32_t, 8> folded{};
    int boundary = 0;
    const char32_t c = points.next();
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded.data(), folded.size(),
                                               UTF8PROC_CASEFOLD, &boundary);
    if (count <= 0) append_code_point(out, c);
    for (utf8proc_ssize_t i = 0; i < count; ++i)
      append_code_point(out, static_cast<char32_t>(folded[static_cast<std::size_t>(i)]));
  }
  return out;
}

}  // namespace minerva::jinja
