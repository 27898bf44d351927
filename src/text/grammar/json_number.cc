#include "text/grammar/json_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva::grammar {
namespace {

// What may follow a whole part: digits after a point, or also nothing.
struct Fraction {
  ExprId digits = 0;  // one or more
  bool none = false;
};

class NumberWriter {
 public:
  explicit NumberWriter(GrammarBuilder& builder) : b_(builder) {}

  // Whole numbers from `low` to `high`, both as decimal digits without leading zeros.
  ExprId wholes(const std::string& low, const std::string& high) {
    std::vector<ExprId> alternatives;
    for (std::size_t length = low.size(); length <= high.size(); ++length) {
      const std::string first = length == low.size() ? low : "1" + std::string(length - 1, '0');
      const std::string last = length == high.size() ? high : std::string(length, '9');
      alternatives.push_back(same_length(first, last));
    }
    return b_.alternatives(alternatives);
  }

  // `low` and `high` are not negative, low <= high (or no high).
  ExprId magnitudes(const Bound& low, const std::optional<Bound>& high, std::size_t digits) {
    const Decimal& a = low.value;
    if (high && a.whole == high->value.whole)
      return number(b_.literal(a.whole),
                    between(a.fraction, low.exclusive, high->value.fraction, high->exclusive, digits));
    std::vector<ExprId> alternatives = {
        number(b_.literal(a.whole), at_least(a.fraction, low.exclusive, digits))};
    const std::string next = to_text(to_number(a.whole) + 1);
    const std::string last = high ? to_text(to_number(high->value.whole) - 1)
                                  : std::string(std::max(kExactDigits, next.size()), '9');
    if (to_number(next) <= to_number(last))
      alternatives.push_back(number(wholes(next, last), at_least("", false, digits)));
    if (high)
      alternatives.push_back(
          number(b_.literal(high->value.whole), at_most(high->value.fraction, high->exclusive, digits)));
    return b_.alternatives(alternatives);
  }

 private:
  static std::uint64_t to_number(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
    return value;
  }
  static std::string to_text(std::uint64_t value) { return std::to_string(value); }

  ExprId digit(char first = '0', char last = '9') {
    if (first > last) return b_.nothing();
    return b_.one_of({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
  }
  ExprId any(std::size_t min, std::size_t max) {
    return b_.repeat(digit(), static_cast<std::uint32_t>(min), static_cast<std::uint32_t>(max));
  }

  ExprId same_length(std::string_view low, std::string_view high) {
    if (low.empty()) return b_.empty();
    if (low.find_first_not_of('0') == std::string_view::npos &&
        high.find_first_not_of('9') == std::string_view::npos)
      return any(low.size(), low.size());
    const std::string_view low_rest = low.substr(1);
    const std::string_view high_rest = high.substr(1);
    if (low[0] == high[0]) return b_.sequence({digit(low[0], low[0]), same_length(low_rest, high_rest)});
    const std::string nines(low_rest.size(), '9');
    const std::string zeros(low_rest.size(), '0');
    return b_.alternatives({b_.sequence({digit(low[0], low[0]), same_length(low_rest, nines)}),
                            b_.sequence({digit(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)),
                                         any(low_rest.size(), low_rest.size())}),
                            b_.sequence({digit(high[0], high[0]), same_length(zeros, high_rest)})});
  }

  ExprId number(ExprId whole, const Fraction& fraction) {
    const ExprId with = b_.sequence({whole, b_.literal("."), fraction.digits});
    return fraction.none ? b_.alternatives({whole, with}) : with;
  }
  // A digit, then what `rest` has.
  ExprId then(char c, const Fraction& rest) {
    const ExprId with = b_.sequence({digit(c, c), rest.digits});
    return rest.none ? b_.alternatives({digit(c, c), with}) : with;
  }

  // Digits after the point, at most `left` of them, that are >= (or >) 0.f.
  Fraction at_least(std::string_view f, bool exclusive, std::size_t left) {
    if (left == 0) return {.digits = b_.nothing(), .none = f.empty() && !exclusive};
    if (f.empty() && !exclusive) return {.digits = any(1, left), .none = true};
    if (f.empty()) {
      const std::size_t half = (left - 1) / 2;
      return {.digits = b_.sequence({b_.repeat(digit('0', '0'), 0, static_cast<std::uint32_t>(half)),
                                     digit('1', '9'), any(0, half)}),
              .none = false};
    }
    const ExprId greater = b_.sequence({digit(static_cast<char>(f[0] + 1), '9'), any(0, left - 1)});
    return {.digits = b_.alternatives({greater, then(f[0], at_least(f.substr(1), exclusive, left - 1))}),
            .none = false};
  }

  // ... that are <= (or <) 0.f.
  Fraction at_most(std::string_view f, bool exclusive, std::size_t left) {
    if (f.empty() && exclusive) return {.digits = b_.nothing(), .none = false};
    if (left == 0) return {.digits = b_.nothing(), .none = true};
    if (f.empty())
      return {.digits = b_.repeat(digit('0', '0'), 1, static_cast<std::uint32_t>(left)), .none = true};
    const ExprId smaller = b_.sequence({digit('0', static_cast<char>(f[0] - 1)), any(0, left - 1)});
    return {.digits = b_.alternatives({smaller, then(f[0], at_most(f.substr(1), exclusive, left - 1))}),
            .none = true};
  }

  // ... that are both; low <= high.
  Fraction between(std::string_view low, bool low_exclusive, std::string_view high, bool high_exclusive,
                   std::size_t left) {
    if (low.empty() && !low_exclusive) return at_most(high, high_exclusive, left);
    if (left == 0 || high.empty())  // nothing lies between 0 and 0
      return {.digits = b_.nothing(), .none = false};
    const char a = low.empty() ? '0' : low[0];
    const char z = high[0];
    const std::string_view low_rest = low.empty() ? low : low.substr(1);
    if (a == z)
      return {.digits = then(a, between(low_rest, low_exclusive, high.substr(1), high_exclusive, left - 1)),
              .none = false};
    return {.digits = b_.alternatives(
                {then(a, at_least(low_rest, low_exclusive, left - 1)),
                 b_.sequence({digit(static_cast<char>(a + 1), static_cast<char>(z - 1)), any(0, left - 1)}),
                 then(z, at_most(high.substr(1), high_exclusive, left - 1))}),
            .none = false};
  }

  GrammarBuilder& b_;
};

Decimal magnitude(Decimal d) {
  d.negative = false;
  return d;
}

}  // namespace

Decimal Decimal::of(double value) {
  std::array<char, 400>
      buffer{};  // the smallest double has 324 digits after its point, the largest 309 before
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  Decimal result;
  if (text.starts_with('-')) {
    result.negative = true;
    text.remove_prefix(1);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  result.whole = text.substr(0, point);
  if (point < text.size()) result.fraction = text.substr(point + 1);
  while (result.fraction.ends_with('0')) result.fraction.pop_back();
  if (result.is_zero()) result.negative = false;
  return result;
}

Decimal Decimal::of(std::int64_t value) {
  std::string text = std::to_string(value);
  Decimal result;
  result.negative = text.starts_with('-');
  result.whole = result.negative ? text.substr(1) : std::move(text);
  return result;
}

Decimal decimal_of(const nlohmann::ordered_json& number) {
  if (number.is_number_unsigned() && number.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    Decimal result;
    result.whole = std::to_string(number.get<std::uint64_t>());
    return result;
  }
  return number.is_number_integer() ? Decimal::of(number.get<std::int64_t>())
                                    : Decimal::of(number.get<double>());
}

std::optional<std::uint64_t> scaled(const Decimal& value, std::size_t digits) {
  constexpr std::size_t kDigitsMax = 18;
  if (value.fraction.size() > digits || value.whole.size() + digits > kDigitsMax) return std::nullopt;
  std::uint64_t units = 0;
  for (const char c : value.whole + value.fraction + std::string(digits - value.fraction.size(), '0'))
    units = units * 10 + static_cast<std::uint64_t>(c - '0');
  return units;
}

std::optional<bool> is_multiple(const Decimal& value, const Decimal& step) {
  if (value.is_zero()) return true;
  const std::size_t digits = std::max(value.fraction.size(), step.fraction.size());
  const auto a = scaled(value, digits);
  const auto b = scaled(step, digits);
  if (!a || !b || *b == 0) return std::nullopt;
  return *a % *b == 0;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -sign : sign;
  if (const int order = a.whole.compare(b.whole); order != 0) return order < 0 ? -sign : sign;
  const int order = a.fraction.compare(b.fraction);  // without zeros at the end, as words are ordered
  return order == 0 ? 0 : (order < 0 ? -sign : sign);
}

ExprId number_in_range(const NumberRange& range, GrammarBuilder& builder) {
  const auto& [low, high, wanted_digits] = range;
  if (low && high) {
    const int order = compare(low->value, high->value);
    if (order > 0 || (order == 0 && (low->exclusive || high->exclusive))) return builder.nothing();
  }
  std::size_t digits = wanted_digits;
  std::size_t needed = 0;
  for (const auto* bound : {&low, &high}) {
    if (!*bound) continue;
    digits = std::min(digits, kExactDigits - std::min(kExactDigits, (*bound)->value.whole.size()));
    needed = std::max(needed, (*bound)->value.fraction.size());
  }
  digits = std::max(digits, std::min(needed, wanted_digits));
  NumberWriter writer(builder);
  std::vector<ExprId> alternatives;
  if (!high || !high->value.negative) {
    const Bound zero;
    alternatives.push_back(writer.magnitudes(low && !low->value.negative ? *low : zero, high, digits));
  }
  if (!low || low->value.negative) {
    std::optional<Bound> largest;
    if (low) largest = Bound{magnitude(low->value), low->exclusive};
    const Bound smallest = high && high->value.negative ? Bound{magnitude(high->value), high->exclusive}
                                                        : Bound{.value = {}, .exclusive = true};
    alternatives.push_back(
        builder.sequence({builder.literal("-"), writer.magnitudes(smallest, largest, digits)}));
  }
  return builder.alternatives(alternatives);
}

ExprId integer_in_range(std::int64_t low, std::int64_t high, GrammarBuilder& builder) {
  if (low > high) return builder.nothing();
  NumberWriter writer(builder);
  std::vector<ExprId> alternatives;
  if (high >= 0)
    alternatives.push_back(
        writer.wholes(std::to_string(std::max<std::int64_t>(low, 0)), std::to_string(high)));
  if (low < 0) {
    const std::string smallest = high < 0 ? std::to_string(high).substr(1) : "1";
    alternatives.push_back(
        builder.sequence({builder.literal("-"), writer.wholes(smallest, std::to_string(low).substr(1))}));
  }
  return builder.alternatives(alternatives);
}

ExprId multiple_of(std::uint32_t divisor, GrammarBuilder& builder) {
  // One rule for each remainder of what was written so far.
  std::vector<RuleId> rules(divisor);
  for (RuleId& rule : rules) rule = builder.add_rule();
  if (builder.full()) return builder.nothing();
  const auto digit_then = [&](std::uint32_t remainder, std::uint32_t digit) {
    return builder.sequence(
        {builder.literal(std::to_string(digit)), builder.rule(rules[(remainder * 10 + digit) % divisor])});
  };
  for (std::uint32_t remainder = 0; remainder < divisor; ++remainder) {
    std::vector<ExprId> next;
    if (remainder == 0) next.push_back(builder.empty());
    for (std::uint32_t digit = 0; digit < 10; ++digit) next.push_back(digit_then(remainder, digit));
    builder.define(rules[remainder], builder.alternatives(next));
  }
  std::vector<ExprId> first;
  for (std::uint32_t digit = 1; digit < 10; ++digit) first.push_back(digit_then(0, digit));
  return builder.alternatives({builder.literal("0"), builder.sequence({builder.optional(builder.literal("-")),
                                                                       builder.alternatives(first)})});
}

}  // namespace minerva::grammar
