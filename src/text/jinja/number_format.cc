#include "text/jinja/number_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// Separators between groups of digits, counted from the right; with zeros before when a width asks for them.
std::string grouped(std::string_view digits, char separator, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

}  // namespace

void check_width(std::int64_t width) {
  constexpr std::int64_t kMost = 1'000'000;
  if (width > kMost) raise_limit(fmt::format("a width or precision is more than {}", kMost));
  if (width > 0) {
    expect_bytes(static_cast<std::uint64_t>(width), 2);
    spend(static_cast<std::size_t>(width) / 16);
  }
}

Digits integer_digits(const BigInteger& number, char type, bool alternate) {
  Digits digits{.is_negative = number.is_negative(), .prefix = {}, .text = {}};
  const std::int64_t size =
      number.is_negative() ? (-number).small().value_or(-1) : number.small().value_or(-1);
  if (type != 'd' && size < 0)
    raise("OverflowError", "an integer of more than 64 bits is only written in decimal");
  switch (type) {
    case 'b':
      digits.text = fmt::format("{:b}", size);
      break;
    case 'o':
      digits.text = fmt::format("{:o}", size);
      break;
    case 'x':
      digits.text = fmt::format("{:x}", size);
      break;
    case 'X':
      digits.text = fmt::format("{:X}", size);
      break;
    default:
      digits.text = number.digits();
      return digits;
  }
  if (alternate) digits.prefix = {'0', type};
  return digits;
}

Digits float_digits(double number, char type, std::int64_t precision, bool alternate) {
  check_width(precision);
  Digits digits{.is_negative = std::signbit(number) && !std::isnan(number), .prefix = {}, .text = {}};
  const double size = std::fabs(number);
  const bool is_upper = type >= 'A' && type <= 'Z';
  if (!std::isfinite(size)) {
    digits.text = std::isnan(size) ? (is_upper ? "NAN" : "nan") : (is_upper ? "INF" : "inf");
    if (type == '%') digits.text += '%';
    return digits;
  }
  const auto places = static_cast<int>(precision);
  switch (type) {
    case 'e':
      digits.text = alternate ? fmt::format("{:#.{}e}", size, places) : fmt::format("{:.{}e}", size, places);
      break;
    case 'E':
      digits.text = alternate ? fmt::format("{:#.{}E}", size, places) : fmt::format("{:.{}E}", size, places);
      break;
    case 'g':
      digits.text = alternate ? fmt::format("{:#.{}g}", size, places) : fmt::format("{:.{}g}", size, places);
      break;
    case 'G':
      digits.text = alternate ? fmt::format("{:#.{}G}", size, places) : fmt::format("{:.{}G}", size, places);
      break;
    case '%':
      digits.text = fmt::format("{:.{}f}%", size * 100, places);
      break;
    default:
      digits.text = alternate ? fmt::format("{:#.{}f}", size, places) : fmt::format("{:.{}f}", size, places);
  }
  return digits;
}

std::string aligned(std::string_view text, const Alignment& alignment) {
  const auto length = static_cast<std::int64_t>(count_code_points(text));
  if (alignment.width <= length) return std::string(text);
  check_width(alignment.width);
  const std::int64_t missing = alignment.width - length;
  const std::int64_t left = alignment.side == '<' ? 0 : alignment.side == '^' ? missing / 2 : missing;
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += alignment.fill;
  out += text;
  for (std::int64_t i = left; i < missing; ++i) out += alignment.fill;
  return out;
}

std::string aligned(const Digits& digits, const Alignment& alignment, char sign, char grouping,
                    std::size_t group_size) {
  check_width(alignment.width);
  std::string head = digits.is_negative           ? "-"
                     : sign == '+' || sign == ' ' ? std::string(1, sign)
                                                  : std::string();
  head += digits.prefix;
  const std::size_t whole_size =
      std::min(digits.text.size(), digits.text.find_first_not_of("0123456789abcdefABCDEF"));
  // An exponent is no part of what is grouped.
  const bool is_decimal = digits.prefix.empty() && group_size == 3;
  const std::size_t digit_count =
      is_decimal ? std::min(whole_size, digits.text.find_first_not_of("0123456789")) : whole_size;
  const std::string_view text = digits.text;
  std::string whole(text.substr(0, std::min(digit_count, text.size())));
  const std::string_view rest = text.substr(whole.size());
  const bool zero_filled = alignment.side == '=' && alignment.fill == "0";
  if (grouping == '\0') {
    const std::string body = whole + std::string(rest);
    if (alignment.side != '=') return aligned(head + body, alignment);
    Alignment inner = alignment;
    inner.side = '>';
    inner.width -= static_cast<std::int64_t>(head.size());
    return head + aligned(body, inner);
  }
  if (zero_filled) {
    // Zeros are grouped too, and none begins with a separator.
    const auto missing = alignment.width - static_cast<std::int64_t>(head.size() + rest.size());
    while (static_cast<std::int64_t>(whole.size() + (whole.size() - 1) / group_size) < missing)
      whole.insert(0, 1, '0');
    return head + grouped(whole, grouping, group_size) + std::string(rest);
  }
  const std::string body = grouped(whole, grouping, group_size) + std::string(rest);
  if (alignment.side != '=') return aligned(head + body, alignment);
  Alignment inner = alignment;
  inner.side = '>';
  inner.width -= static_cast<std::int64_t>(head.size());
  return head + aligned(body, inner);
}

}  // namespace minerva::jinja
