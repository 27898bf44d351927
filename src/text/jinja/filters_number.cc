// Filters on numbers.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

Value absolute(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("abs", arguments, {}, 0);
  if (input.is(Kind::Float)) return std::fabs(input.real());
  if (input.is_number()) return less(input, Value(0)) ? negative(input) : positive(input);
  raise_type_error(fmt::format("bad operand type for abs(): '{}'", type_name(input)));
}

/// float(value), where that is a number.
std::optional<double> as_real(const Value& value) {
  if (value.is_number()) return to_real(value);
  if (value.is_undefined()) raise_undefined(value);
  return value.is_string() ? parse_real(value.text()) : std::nullopt;
}

Value integer(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_int", arguments, {"default", "base"}, 0);
  Value otherwise = given.has(0) ? given[0] : Value(0);
  if (input.is_number() && !input.is(Kind::Float)) return positive(input);
  if (input.is_undefined()) raise_undefined(input);
  if (input.is_string()) {
    const std::int64_t base = given.integer(1, 10);
    if (base >= 0 && base <= 36) {
      if (const auto number = parse_integer(input.text(), static_cast<int>(base))) return *number;
    }
  }
  const auto real = as_real(input);
  if (!real || !std::isfinite(*real)) {
    if (input.is(Kind::Float) && std::isinf(*real))
      raise("OverflowError", "cannot convert float infinity to integer");
    return otherwise;
  }
  return truncated(*real);
}

Value real(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_float", arguments, {"default"}, 0);
  if (const auto number = as_real(input)) return *number;
  return given.has(0) ? given[0] : Value(0.0);
}

/// round() of a float to decimal places: correctly rounded, ties to even, as CPython's.
Value rounded(double number, std::int64_t digits) {
  if (!std::isfinite(number) || digits > 323) return number;
  if (digits < -308) return std::copysign(0.0, number);
  if (digits >= 0) {
    std::array<char, 700> buffer{};
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                       std::chars_format::fixed, static_cast<int>(digits));
    double result = number;
    if (written.ec == std::errc{}) std::from_chars(buffer.data(), written.ptr, result);
    return result;
  }
  const double power = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(number / power) * power;
}

/// round() of an int to tens, hundreds …; ties to even.
Value rounded(const BigInteger& number, std::int64_t digits) {
  if (digits >= 0) return make_integer(number);
  if (digits < -20'000) return 0;  // more than any integer has
  const BigInteger unit = BigInteger(10).power(static_cast<std::uint64_t>(-digits));
  const auto [quotient, rest] = number.divided(unit);
  const bool is_odd = !quotient.divided(BigInteger(2)).second.is_zero();
  const auto side = (rest + rest) <=> unit;
  const bool rounds_up = side > 0 || (side == 0 && is_odd);
  return make_integer((rounds_up ? quotient + BigInteger(1) : quotient) * unit);
}

Value round(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_round", arguments, {"precision", "method"}, 0);
  const std::string method = given.has(1) ? to_text(given[1]) : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    raise("FilterArgumentError", "method must be common, ceil or floor");
  const Value precision = given.has(0) ? given[0] : Value(0);
  if (method == "common") {
    if (input.is_undefined()) raise_undefined(input);
    if (!input.is_number())
      raise_type_error(fmt::format("type {} doesn't define __round__ method", type_name(input)));
    const bool is_float = input.is(Kind::Float);
    if (precision.is_none()) return is_float ? truncated(std::nearbyint(input.real())) : positive(input);
    const std::int64_t digits = integer_argument(precision);
    return is_float ? rounded(input.real(), digits) : rounded(big_of(input), digits);
  }
  const Value unit = apply(BinaryOperator::Power, Value(10), precision);
  const Value scaled = apply(BinaryOperator::Multiply, input, unit);
  if (!scaled.is_number()) raise_type_error(fmt::format("must be real number, not {}", type_name(scaled)));
  const bool rounds_up = method == "ceil";
  const Value whole = !scaled.is(Kind::Float)
                          ? scaled
                          : truncated(rounds_up ? std::ceil(scaled.real()) : std::floor(scaled.real()));
  return apply(BinaryOperator::Divide, whole, unit);
}

Value filesizeformat(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_filesizeformat", arguments, {"binary"}, 0);
  const bool is_binary = given.flag(0, false);
  const auto bytes = as_real(input);
  if (!bytes) {
    if (input.is_string())
      raise_value_error(fmt::format("could not convert string to float: {}", repr_of_key(input)));
    raise_type_error(
        fmt::format("float() argument must be a string or a real number, not '{}'", type_name(input)));
  }
  constexpr std::array<std::string_view, 8> kUnits = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  const double base = is_binary ? 1024 : 1000;
  if (*bytes == 1) return "1 Byte";
  if (*bytes < base) return to_text(truncated(*bytes)) + " Bytes";
  double unit = base;
  std::size_t i = 0;
  for (; i < kUnits.size(); ++i) {
    unit *= base;
    if (*bytes < unit) break;
  }
  i = std::min(i, kUnits.size() - 1);
  const std::string name =
      is_binary ? (i == 0 ? "Ki" : std::string(kUnits[i]) + "i") : std::string(kUnits[i]);
  return fmt::format("{:.1f} {}B", base * *bytes / unit, name);
}

constexpr std::array<FilterEntry, 5> kFilters = {{
    {"abs", absolute},
    {"filesizeformat", filesizeformat},
    {"float", real},
    {"int", integer},
    {"round", round},
}};

}  // namespace

std::span<const FilterEntry> number_filters() {
  return kFilters;
}

}  // namespace minerva::jinja
