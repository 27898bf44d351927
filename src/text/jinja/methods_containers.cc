// Methods of list, tuple and dict that change nothing, and those of numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"
#include "text/jinja/views.h"

namespace minerva::jinja {
namespace {

Value copy(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("copy", arguments, {}, 0);
  return self;  // nothing can tell it from a copy
}

Value count_of(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("count", arguments, {"/value"}, 1);
  spend(self.items().size());
  return static_cast<std::int64_t>(
      std::ranges::count_if(self.items(), [&](const Value& item) { return equal(item, given[0]); }));
}

Value index_of(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("index", arguments, {"/value", "/start", "/stop"}, 1);
  const auto length = static_cast<std::int64_t>(self.items().size());
  const std::int64_t stop = clamp_index(given.integer(2, length), length);
  for (std::int64_t i = clamp_index(given.integer(1, 0), length); i < stop; ++i) {
    spend(1);
    if (equal(self.items()[static_cast<std::size_t>(i)], given[0])) return i;
  }
  raise_value_error(self.is(Kind::List) ? fmt::format("{} is not in list", repr_of_key(given[0]))
                                        : "tuple.index(x): x not in tuple");
}

template <ViewOf what>
Value view(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kNames[] = {"dict.keys", "dict.values", "dict.items"};
  const Parameters given(kNames[static_cast<std::size_t>(what)], arguments, {}, 0);
  return make_view(self, what);
}

Value get(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("get", arguments, {"/key", "/default"}, 1);
  const Value* found = dict_of(self).find(given[0]);
  if (found != nullptr) return *found;
  return given.has(1) ? given[1] : Value();
}

Value fromkeys(Interpreter& /*interpreter*/, const Value& /*self*/, const Arguments& arguments) {
  const Parameters given("fromkeys", arguments, {"/iterable", "/value"}, 1);
  std::vector<Pair> entries;
  for (Value& key : to_items(given[0]))
    entries.emplace_back(std::move(key), given.has(1) ? given[1] : Value());
  return Value::dict(std::move(entries));
}

// ---- numbers

Value conjugate(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  return positive(self);
}

std::uint64_t magnitude(std::int64_t number) {
  return number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
}

Value bit_length(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  if (self.is(Kind::BigInteger)) return static_cast<std::int64_t>(big_of(self).bit_length());
  return static_cast<std::int64_t>(std::bit_width(magnitude(self.integer())));
}
Value bit_count(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  if (self.is(Kind::BigInteger)) return static_cast<std::int64_t>(big_of(self).bit_count());
  return std::popcount(magnitude(self.integer()));
}
Value integer_ratio(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  return Value::tuple({positive(self), Value(1)});
}
Value float_ratio(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  if (std::isnan(self.real())) raise_value_error("cannot convert NaN to integer ratio");
  if (std::isinf(self.real())) raise("OverflowError", "cannot convert Infinity to integer ratio");
  int exponent = 0;
  double fraction = std::frexp(self.real(), &exponent);
  while (fraction != std::floor(fraction)) {
    fraction *= 2;
    --exponent;
  }
  const Value power = apply(BinaryOperator::Power, Value(2), Value(std::abs(exponent)));
  Value numerator = truncated(fraction);
  if (exponent > 0) numerator = apply(BinaryOperator::Multiply, numerator, power);
  return Value::tuple({std::move(numerator), exponent < 0 ? power : Value(1)});
}
Value float_hex(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  const double real = self.real();
  if (!std::isfinite(real)) return to_text(self);
  const std::string_view sign = std::signbit(real) ? "-" : "";
  if (real == 0) return fmt::format("{}0x0.0p+0", sign);
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52U) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(std::fabs(real));
  const bool is_normal = bits > kFraction;
  const auto exponent = is_normal ? static_cast<std::int64_t>(bits >> 52U) - 1023 : -1022;
  return fmt::format("{}0x{}.{:013x}p{:+}", sign, is_normal ? 1 : 0, bits & kFraction, exponent);
}
Value is_integer(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  return std::isfinite(self.real()) && self.real() == std::floor(self.real());
}

constexpr std::array<Method, 3> kListMethods = {{{"copy", copy}, {"count", count_of}, {"index", index_of}}};
constexpr std::array<Method, 2> kTupleMethods = {{{"count", count_of}, {"index", index_of}}};
constexpr std::array<Method, 6> kDictMethods = {{{"get", get},
                                                 {"items", view<ViewOf::Items>},
                                                 {"keys", view<ViewOf::Keys>},
                                                 {"values", view<ViewOf::Values>},
                                                 {"copy", copy},
                                                 {"fromkeys", fromkeys}}};
constexpr std::array<Method, 4> kIntegerMethods = {{{"bit_length", bit_length},
                                                    {"bit_count", bit_count},
                                                    {"conjugate", conjugate},
                                                    {"as_integer_ratio", integer_ratio}}};
constexpr std::array<Method, 4> kFloatMethods = {{{"hex", float_hex},
                                                  {"is_integer", is_integer},
                                                  {"conjugate", conjugate},
                                                  {"as_integer_ratio", float_ratio}}};

}  // namespace

std::span<const Method> list_methods() {
  return kListMethods;
}
std::span<const Method> tuple_methods() {
  return kTupleMethods;
}
std::span<const Method> dict_methods() {
  return kDictMethods;
}
std::span<const Method> integer_methods() {
  return kIntegerMethods;
}
std::span<const Method> float_methods() {
  return kFloatMethods;
}

}  // namespace minerva::jinja
