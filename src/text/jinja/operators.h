// Python's operators and protocols on values. What Python raises is raised, with its words.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/object.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

enum class BinaryOperator : std::uint8_t { Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power };
enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In, NotIn };

/// The operator as it is written.
std::string_view symbol_of(BinaryOperator op);
std::string_view symbol_of(Comparison op);

Value apply(BinaryOperator op, const Value& left, const Value& right);
Value negative(const Value& value);
Value positive(const Value& value);

bool truth(const Value& value);
bool equal(const Value& left, const Value& right);
bool less(const Value& left, const Value& right);
bool compare(Comparison op, const Value& left, const Value& right);
bool contains(const Value& container, const Value& item);

[[noreturn]] void raise_undefined(const Value& value);

/// hash(); raises TypeError for lists and dicts.
std::uint64_t hash_of(const Value& value);
/// Whether two hashable values are the same key.
bool same_key(const Value& left, const Value& right);

/// len(), or nothing where the value has none.
std::optional<std::int64_t> length_of(const Value& value);
std::int64_t length_or_raise(const Value& value);
/// iter(): an Iterator. Raises TypeError for what can't be iterated.
Value iterate(const Value& value);
bool is_iterable(const Value& value);
/// list(value).
std::vector<Value> to_items(const Value& value);
inline Value next_of(const Value& iterator) {
  return static_cast<Iterator&>(iterator.object()).next();
}

/// value[key], or Missing where Python raises TypeError or LookupError.
Value item_of(const Value& value, const Value& key);
/// value[start:stop:step]; each bound may be None. Missing where the value can't be sliced.
Value slice_of(const Value& value, const Value& start, const Value& stop, const Value& step);

/// A position as slices and str.find() take them, within 0 … length.
std::int64_t clamp_index(std::int64_t index, std::int64_t length);

// Numbers.
std::int64_t integer_argument(const Value& value);  ///< as operator.index() does
double to_real(const Value& number);
BigInteger big_of(const Value& integer);  ///< of any integer
Value make_integer(BigInteger number);
/// int(x) of a float; raises for nan and infinity.
Value truncated(double number);
std::optional<Value> parse_integer(std::string_view text, int base);  ///< int(text, base)
std::optional<double> parse_real(std::string_view text);              ///< float(text)

}  // namespace minerva::jinja
