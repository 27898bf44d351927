// Numbers within bounds, as grammars.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// A decimal number, exact.
struct Decimal {
  bool negative = false;
  std::string whole = "0";    // no leading zeros
  std::string fraction = {};  // no zeros at its end

  bool is_zero() const { return whole == "0" && fraction.empty(); }
  std::size_t digits() const { return whole.size() + fraction.size(); }
  static Decimal of(double value);  // the shortest that reads as `value`, which must be finite
  static Decimal of(std::int64_t value);
};
/// A JSON number that is finite.
Decimal decimal_of(const nlohmann::ordered_json& number);
/// Whether `value` is a multiple of `step`, which is not 0; nothing where that takes too many digits to say.
std::optional<bool> is_multiple(const Decimal& value, const Decimal& step);
/// The magnitude times 10^digits; nothing where that is no whole number or has more than 18 digits.
std::optional<std::uint64_t> scaled(const Decimal& value, std::size_t digits);
/// < 0, 0 or > 0 as `a` is smaller, equal or greater.
int compare(const Decimal& a, const Decimal& b);

struct Bound {
  Decimal value;
  bool exclusive = false;
};
struct NumberRange {
  std::optional<Bound> low;
  std::optional<Bound> high;
  /// Digits after the point at the most, where a bound does not need more.
  std::size_t fraction_digits = 9;
};

/// A JSON number without exponent in the range; nothing() where the range is empty. Bounds have at most 15
/// digits, so that texts that differ are different doubles.
ExprId number_in_range(const NumberRange& range, GrammarBuilder& builder);

/// An integer in [low, high] without exponent or fraction.
ExprId integer_in_range(std::int64_t low, std::int64_t high, GrammarBuilder& builder);

/// An integer of any sign that `divisor` (> 0) divides.
ExprId multiple_of(std::uint32_t divisor, GrammarBuilder& builder);

inline constexpr std::int64_t kIntegerMax = 999'999'999'999'999'999;  // where no bound says less
inline constexpr std::size_t kExactDigits = 15;                       // that a double keeps

}  // namespace minerva::grammar
