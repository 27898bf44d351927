#include "base/quantity.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/terminal.h"

namespace minerva {
namespace {

std::string quoted(std::string_view text) {
  return fmt::format("'{}'", printable(text));
}

// All of `text` as a decimal number that is not negative, without an exponent.
std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, status] = std::from_chars(text.data(), last, value, std::chars_format::fixed);
  if (status != std::errc{} || end != last || !std::isfinite(value) || std::signbit(value))
    return std::nullopt;
  return value;
}

std::pair<std::string_view, std::string_view> split_unit(std::string_view text) {
  const auto at = std::min(text.find_first_not_of("0123456789."), text.size());
  return {text.substr(0, at), text.substr(at)};
}

// The power of 1,024 that a unit such as "", "K", "kb" or "GiB" stands for; nothing for another text.
std::optional<int> unit_power(std::string_view unit) {
  if (unit.empty() || unit == "B" || unit == "b") return 0;
  const std::string_view letters = "kmgt";
  const auto power = letters.find(static_cast<char>(std::tolower(static_cast<unsigned char>(unit[0]))));
  if (power == std::string_view::npos) return std::nullopt;
  std::string rest;
  for (const char c : unit.substr(1)) rest += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  return static_cast<int>(power) + 1;
}

// The milliseconds that a unit of time stands for.
std::optional<double> unit_milliseconds(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {
      {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"min", 60e3}, {"h", 3600e3}}};
  for (const auto& [name, milliseconds] : kUnits) {
    if (name == unit) return milliseconds;
  }
  return std::nullopt;
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view what, std::string_view text) {
  constexpr double kBytesEnd = 18446744073709551616.0;  // 2^64
  const auto [digits, unit] = split_unit(text);
  const auto power = unit_power(unit);
  const auto number = parse_decimal(digits);
  if (!power || !number) {
    return invalid_request(fmt::format("{}: {} is not an amount of memory", what, quoted(text)),
                           fmt::format("Give bytes or a number with K, M, G or T, for example {} 2G.", what));
  }
  const double bytes = *number * std::pow(1024.0, *power);
  if (bytes >= kBytesEnd) {
    return invalid_request(fmt::format("{}: {} is too large", what, quoted(text)),
                           fmt::format("Give an amount below 2^64 bytes, for example {} 2G.", what));
  }
  return static_cast<std::uint64_t>(bytes);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view what, std::string_view text) {
  constexpr double kYearMilliseconds = 365.0 * 24 * 3600e3;
  const bool negative = text.starts_with('-');
  const auto [digits, unit] = split_unit(negative ? text.substr(1) : text);
  const auto scale = unit_milliseconds(unit);
  const auto number = parse_decimal(digits);
  if (!scale || !number) {
    return invalid_request(
        fmt::format("{}: {} is not a time", what, quoted(text)),
        "Give seconds, or a number with ms, s, m or h, for example 5m; negative: for ever.");
  }
  if (negative && *number > 0) return std::chrono::milliseconds(-1);
  const double milliseconds = *number * *scale;
  if (milliseconds > kYearMilliseconds) {
    return invalid_request(fmt::format("{}: {} is too long", what, quoted(text)),
                           "Give at most a year, or a negative number for ever.");
  }
  return std::chrono::milliseconds(std::llround(milliseconds));
}

}  // namespace minerva
