// Numbers from texts: Python's int() and float().
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "text/jinja/budget.h"
#include "text/jinja/operators.h"
#include "text/jinja/strings.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// ASCII digits for all that are decimal, without white space around and underscores between; nothing where
/// those stand wrong.
std::optional<std::string> plain_number(std::string_view text) {
  std::string out;
  bool is_digit_before = false;
  bool is_underscore_before = false;
  spend(text.size() / 8);
  for (CodePoints points(strip(text, std::nullopt, true, true)); !points.done();) {
    const char32_t c = points.next();
    const int digit = decimal_value(c);
    const bool is_letter = c < 0x80 && is_alpha(c);
    if (c == '_') {
      if (!is_digit_before) return std::nullopt;
      is_underscore_before = true;
      is_digit_before = false;
      continue;
    }
    const bool is_digit_like = digit >= 0 || is_letter;
    if (is_underscore_before && !is_digit_like) return std::nullopt;
    is_underscore_before = false;
    is_digit_before = is_digit_like;
    if (digit >= 0) {
      out += static_cast<char>('0' + digit);
    } else if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      return std::nullopt;
    }
  }
  if (is_underscore_before) return std::nullopt;
  return out;
}

int base_of_prefix(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  switch (digits[1] | 0x20) {
    case 'b':
      return 2;
    case 'o':
      return 8;
    case 'x':
      return 16;
    default:
      return 10;
  }
}

}  // namespace

std::optional<Value> parse_integer(std::string_view text, int base) {
  const auto plain = plain_number(text);
  if (!plain || (base != 0 && (base < 2 || base > 36))) return std::nullopt;
  std::string_view digits = *plain;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  const int prefix = base_of_prefix(digits);
  if (prefix != 10 && (base == 0 || base == prefix)) {
    digits.remove_prefix(2);
    base = prefix;
  } else if (base == 0) {
    base = 10;
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string_view::npos)
      return std::nullopt;
  }
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  std::int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (read.ptr != digits.data() + digits.size()) return std::nullopt;
  if (read.ec == std::errc{}) return is_negative ? -number : number;
  constexpr std::size_t kDigitsMax = 4300;  // Python's
  if (digits.size() > kDigitsMax) return std::nullopt;
  BigInteger large = BigInteger::parse(digits, base);
  return make_integer(is_negative ? -large : std::move(large));
}

std::optional<double> parse_real(std::string_view text) {
  const auto plain = plain_number(text);
  if (!plain) return std::nullopt;
  std::string_view digits = *plain;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  const std::string lower = to_lower(digits);
  if (lower == "inf" || lower == "infinity") return is_negative ? -HUGE_VAL : HUGE_VAL;
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (lower.find_first_not_of("0123456789.e+-") != std::string::npos) return std::nullopt;
  double number = 0;
  const auto read = std::from_chars(lower.data(), lower.data() + lower.size(), number);
  if (read.ptr != lower.data() + lower.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {
    // from_chars leaves it open which of the two it was.
    const std::size_t e = lower.find('e');
    const bool is_tiny =
        e != std::string::npos ? lower[e + 1] == '-' : lower.starts_with("0.") || lower.starts_with('.');
    number = is_tiny ? 0.0 : HUGE_VAL;
  } else if (read.ec != std::errc{}) {
    return std::nullopt;
  }
  return is_negative ? -number : number;
}

}  // namespace minerva::jinja
