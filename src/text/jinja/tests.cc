#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/range.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"

namespace minerva::jinja {
namespace {

/// A test without arguments.
template <bool (*Holds)(const Value&)>
bool plain(Interpreter& /*interpreter*/, const Value& value, const Arguments& arguments) {
  const Parameters given("test", arguments, {}, 0);
  return Holds(value);
}

template <Comparison op>
bool compares(Interpreter& /*interpreter*/, const Value& value, const Arguments& arguments) {
  const Parameters given(symbol_of(op), arguments, {"/other"}, 1);
  return compare(op, value, given[0]);
}

bool is_rest(const Value& value, const Value& divisor, std::int64_t rest) {
  return equal(apply(BinaryOperator::Modulo, value, divisor), Value(rest));
}
bool is_odd(const Value& value) {
  return is_rest(value, Value(2), 1);
}
bool is_even(const Value& value) {
  return is_rest(value, Value(2), 0);
}
bool is_defined(const Value& value) {
  return !value.is_undefined();
}
bool is_undefined(const Value& value) {
  return value.is_undefined();
}
bool is_none(const Value& value) {
  return value.is_none();
}
bool is_boolean(const Value& value) {
  return value.is(Kind::Bool);
}
bool is_false(const Value& value) {
  return value.is(Kind::Bool) && !value.flag();
}
bool is_true(const Value& value) {
  return value.is(Kind::Bool) && value.flag();
}
bool is_integer(const Value& value) {
  return value.is(Kind::Int) || value.is(Kind::BigInteger);
}
bool is_float(const Value& value) {
  return value.is(Kind::Float);
}
bool is_number(const Value& value) {
  return value.is_number();
}
bool is_string(const Value& value) {
  return value.is_string();
}
bool is_mapping(const Value& value) {
  return value.is_dict();
}
bool is_lower(const Value& value) {
  return is_lower_text(to_text(value));
}
bool is_upper(const Value& value) {
  return is_upper_text(to_text(value));
}
bool is_escaped(const Value& value) {
  return is_markup(value);
}
bool is_callable(const Value& value) {
  return value.is_undefined() || (value.is(Kind::Object) && value.object().is_callable());
}
bool is_sequence(const Value& value) {
  if (value.is_string() || value.is_sequence() || value.is_dict() || value.is_undefined()) return true;
  return value.is(Kind::Object) && dynamic_cast<const RangeObject*>(&value.object()) != nullptr;
}

bool is_divisible(Interpreter& /*interpreter*/, const Value& value, const Arguments& arguments) {
  const Parameters given("test_divisibleby", arguments, {"num"}, 1);
  return is_rest(value, given[0], 0);
}

/// Python's `is`: small integers and constants are the same object; other equal numbers mostly are not.
bool is_same(Interpreter& /*interpreter*/, const Value& value, const Arguments& arguments) {
  const Parameters given("test_sameas", arguments, {"other"}, 1);
  const Value& other = given[0];
  if (value.kind() != other.kind()) return false;
  switch (value.kind()) {
    case Kind::None:
      return true;
    case Kind::Bool:
      return value.flag() == other.flag();
    case Kind::Int:
      return value.integer() == other.integer();
    case Kind::Float:
      return value.real() == other.real();
    case Kind::String:
      return value.text() == other.text() && is_markup(value) == is_markup(other);
    default:
      return &value.object() == &other.object();
  }
}

bool is_in(Interpreter& /*interpreter*/, const Value& value, const Arguments& arguments) {
  const Parameters given("test_in", arguments, {"seq"}, 1);
  return contains(given[0], value);
}

bool is_filter(Interpreter& /*interpreter*/, const Value& value, const Arguments& /*arguments*/) {
  return value.is_string() && find_filter(value.text()) != nullptr;
}
bool is_test(Interpreter& /*interpreter*/, const Value& value, const Arguments& /*arguments*/) {
  return value.is_string() && find_test(value.text()) != nullptr;
}

constexpr std::array<TestEntry, 39> kTests = {{
    {"odd", plain<is_odd>},
    {"even", plain<is_even>},
    {"divisibleby", is_divisible},
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"filter", is_filter},
    {"test", is_test},
    {"none", plain<is_none>},
    {"boolean", plain<is_boolean>},
    {"false", plain<is_false>},
    {"true", plain<is_true>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"lower", plain<is_lower>},
    {"upper", plain<is_upper>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"number", plain<is_number>},
    {"sequence", plain<is_sequence>},
    {"iterable", plain<is_iterable>},
    {"callable", plain<is_callable>},
    {"sameas", is_same},
    {"escaped", plain<is_escaped>},
    {"in", is_in},
    {"==", compares<Comparison::Equal>},
    {"eq", compares<Comparison::Equal>},
    {"equalto", compares<Comparison::Equal>},
    {"!=", compares<Comparison::NotEqual>},
    {"ne", compares<Comparison::NotEqual>},
    {">", compares<Comparison::Greater>},
    {"gt", compares<Comparison::Greater>},
    {"greaterthan", compares<Comparison::Greater>},
    {"ge", compares<Comparison::GreaterEqual>},
    {">=", compares<Comparison::GreaterEqual>},
    {"<", compares<Comparison::Less>},
    {"lt", compares<Comparison::Less>},
    {"lessthan", compares<Comparison::Less>},
    {"<=", compares<Comparison::LessEqual>},
    {"le", compares<Comparison::LessEqual>},
}};

}  // namespace

const TestEntry* find_test(std::string_view name) {
  const auto found = std::ranges::find(kTests, name, &TestEntry::name);
  return found == kTests.end() ? nullptr : &*found;
}

}  // namespace minerva::jinja
