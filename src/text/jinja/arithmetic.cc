// Python's arithmetic on numbers, and + and * of texts and lists.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/html.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/string_format.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

[[noreturn]] void raise_unsupported(std::string_view symbol, const Value& left, const Value& right) {
  if (symbol == "**") symbol = "** or pow()";
  raise_type_error(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", symbol, type_name(left),
                               type_name(right)));
}

Value floor_divide(double a, double b) {
  if (b == 0) raise("ZeroDivisionError", "float floor division by zero");
  // As CPython's float_floor_div: the quotient of what the remainder leaves.
  const double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) quotient -= 1.0;
  if (quotient == 0) return std::copysign(0.0, a / b);
  double floored = std::floor(quotient);
  if (quotient - floored > 0.5) floored += 1.0;
  return floored;
}

Value modulo(double a, double b) {
  if (b == 0) raise("ZeroDivisionError", "float modulo");
  double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  if ((b < 0) != (rest < 0)) rest += b;
  return rest;
}

double real_power(double base, double exponent) {
  if (base == 0 && exponent < 0) raise("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) && exponent != std::floor(exponent))
    raise_value_error("a complex number is not supported");
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
    raise("OverflowError", "(34, 'Numerical result out of range')");
  return result;
}

Value real_operation(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::Add:
      return a + b;
    case BinaryOperator::Subtract:
      return a - b;
    case BinaryOperator::Multiply:
      return a * b;
    case BinaryOperator::Divide:
      if (b == 0) raise("ZeroDivisionError", "float division by zero");
      return a / b;
    case BinaryOperator::FloorDivide:
      return floor_divide(a, b);
    case BinaryOperator::Modulo:
      return modulo(a, b);
    case BinaryOperator::Power:
      break;
  }
  return real_power(a, b);
}

/// The exponent is not negative.
Value integer_power(const Value& base, const Value& exponent) {
  const BigInteger size = big_of(base);
  const bool is_unit = size == BigInteger(0) || size == BigInteger(1) || size == BigInteger(-1);
  if (exponent.is(Kind::BigInteger) && !is_unit) raise_limit("an integer has more than 65536 bits");
  if (is_unit) {
    if (size == BigInteger(-1)) return big_of(exponent).divided(BigInteger(2)).second.is_zero() ? 1 : -1;
    return equal(exponent, Value(0)) ? Value(1) : base;
  }
  return make_integer(size.power(static_cast<std::uint64_t>(exponent.integer())));
}

Value big_operation(BinaryOperator op, const Value& left, const Value& right) {
  const BigInteger a = big_of(left);
  const BigInteger b = big_of(right);
  const bool divides =
      op == BinaryOperator::Divide || op == BinaryOperator::FloorDivide || op == BinaryOperator::Modulo;
  if (divides && b.is_zero()) {
    raise("ZeroDivisionError", op == BinaryOperator::Divide        ? "division by zero"
                               : op == BinaryOperator::FloorDivide ? "integer division or modulo by zero"
                                                                   : "integer modulo by zero");
  }
  switch (op) {
    case BinaryOperator::Add:
      return make_integer(a + b);
    case BinaryOperator::Subtract:
      return make_integer(a - b);
    case BinaryOperator::Multiply:
      return make_integer(a * b);
    case BinaryOperator::Divide:
      return a.is_zero() ? (b.is_negative() ? -0.0 : 0.0) : a.ratio(b);
    case BinaryOperator::FloorDivide:
      return make_integer(a.divided(b).first);
    case BinaryOperator::Modulo:
      return make_integer(a.divided(b).second);
    case BinaryOperator::Power:
      break;
  }
  return b.is_negative() ? Value(real_power(to_real(left), to_real(right))) : integer_power(left, right);
}

/// What fits into 64 bits; Missing where it doesn't.
Value small_operation(BinaryOperator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case BinaryOperator::Add:
      return __builtin_add_overflow(a, b, &result) ? Value::missing() : Value(result);
    case BinaryOperator::Subtract:
      return __builtin_sub_overflow(a, b, &result) ? Value::missing() : Value(result);
    case BinaryOperator::Multiply:
      return __builtin_mul_overflow(a, b, &result) ? Value::missing() : Value(result);
    case BinaryOperator::FloorDivide:
      if (b == 0 || b == -1) return Value::missing();
      return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
    case BinaryOperator::Modulo:
      if (b == 0 || b == -1) return Value::missing();
      result = a % b;
      return result != 0 && (result < 0) != (b < 0) ? result + b : result;
    default:
      return Value::missing();
  }
}

Value number_operation(BinaryOperator op, const Value& left, const Value& right) {
  if (left.is(Kind::Float) || right.is(Kind::Float)) return real_operation(op, to_real(left), to_real(right));
  if (left.is_integer() && right.is_integer()) {
    Value small = small_operation(op, left.integer(), right.integer());
    if (!small.is_missing()) return small;
  }
  return big_operation(op, left, right);
}

Value concatenate_strings(const Value& left, const Value& right) {
  expect_bytes(left.text().size() + right.text().size(), 1);
  const bool marked = is_markup(left) || is_markup(right);
  // Markup escapes what is added to it.
  std::string out = marked && !is_markup(left) ? escape_html(left.text()) : left.text();
  out += marked && !is_markup(right) ? escape_html(right.text()) : right.text();
  spend(out.size() / 64);
  return make_string(std::move(out), marked);
}

Value concatenate_sequences(const Value& left, const Value& right) {
  std::vector<Value> items;
  const std::size_t size = left.items().size() + right.items().size();
  expect_bytes(size, sizeof(Value));
  spend(size);
  items.reserve(size);
  items.insert(items.end(), left.items().begin(), left.items().end());
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

Value repeat(const Value& sequence, std::int64_t times) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(times, 0));
  if (sequence.is_string()) {
    const std::string& text = sequence.text();
    expect_bytes(count, text.size());
    std::string out;
    out.reserve(count * text.size());
    spend(1 + out.capacity() / 64);
    if (!text.empty())
      for (std::uint64_t i = 0; i < count; ++i) out += text;
    return make_string(std::move(out), is_markup(sequence));
  }
  const auto& source = sequence.items();
  expect_bytes(count, source.size() * sizeof(Value));
  if (source.empty()) return sequence;
  spend(count * source.size());
  std::vector<Value> items;
  items.reserve(count * source.size());
  for (std::uint64_t i = 0; i < count; ++i) items.insert(items.end(), source.begin(), source.end());
  return sequence.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

bool is_repeatable(const Value& value) {
  return value.is_string() || value.is_sequence();
}

bool is_whole(const Value& value) {
  return value.is_integer() || value.is(Kind::BigInteger);
}

}  // namespace

std::string_view symbol_of(BinaryOperator op) {
  constexpr std::array<std::string_view, 7> kSymbols = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<std::size_t>(op)];
}

double to_real(const Value& number) {
  if (number.is(Kind::Float)) return number.real();
  if (number.is_integer()) return static_cast<double>(number.integer());
  const double real = big_of(number).real();
  if (std::isinf(real)) raise("OverflowError", "int too large to convert to float");
  return real;
}

Value truncated(double number) {
  if (std::isnan(number)) raise_value_error("cannot convert float NaN to integer");
  if (std::isinf(number)) raise("OverflowError", "cannot convert float infinity to integer");
  return make_integer(BigInteger::truncated(number));
}

std::int64_t integer_argument(const Value& value) {
  if (value.is_integer()) return value.integer();
  if (value.is_undefined()) raise_undefined(value);
  if (value.is(Kind::BigInteger)) raise("OverflowError", "cannot fit 'int' into an index-sized integer");
  raise_type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
}

BigInteger big_of(const Value& integer) {
  if (integer.is_integer()) return {integer.integer()};
  return static_cast<const BigIntegerObject&>(integer.object()).number;
}

Value make_integer(BigInteger number) {
  if (const auto small = number.small()) return *small;
  return make_object<BigIntegerObject>(std::move(number));
}

void raise_undefined(const Value& value) {
  const UndefinedObject& undefined = undefined_of(value);
  raise(undefined.is_security ? "SecurityError" : "UndefinedError", undefined.message());
}

Value apply(BinaryOperator op, const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return number_operation(op, left, right);
  if (op == BinaryOperator::Modulo && left.is_string()) return format_percent(left, right);
  if (left.is_undefined()) raise_undefined(left);
  if (right.is_undefined()) raise_undefined(right);
  if (op == BinaryOperator::Add) {
    if (left.is_string() && right.is_string()) return concatenate_strings(left, right);
    if (left.is_sequence() && left.kind() == right.kind()) return concatenate_sequences(left, right);
    if (left.is_string() && !is_markup(left))
      raise_type_error(fmt::format("can only concatenate str (not \"{}\") to str", type_name(right)));
    if (left.is_sequence())
      raise_type_error(
          fmt::format("can only concatenate {0} (not \"{1}\") to {0}", type_name(left), type_name(right)));
  }
  if (op == BinaryOperator::Multiply) {
    if (is_repeatable(left) && is_whole(right)) return repeat(left, integer_argument(right));
    if (is_whole(left) && is_repeatable(right)) return repeat(right, integer_argument(left));
    if (is_repeatable(left) || is_repeatable(right)) {
      raise_type_error(fmt::format("can't multiply sequence by non-int of type '{}'",
                                   type_name(is_repeatable(left) ? right : left)));
    }
  }
  raise_unsupported(symbol_of(op), left, right);
}

Value negative(const Value& value) {
  if (value.is_undefined()) raise_undefined(value);
  if (value.is(Kind::Float)) return -value.real();
  if (!value.is_number())
    raise_type_error(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
  return make_integer(-big_of(value));
}

Value positive(const Value& value) {
  if (value.is_undefined()) raise_undefined(value);
  if (!value.is_number())
    raise_type_error(fmt::format("bad operand type for unary +: '{}'", type_name(value)));
  return value.is(Kind::Bool) ? Value(value.integer()) : value;
}

}  // namespace minerva::jinja
