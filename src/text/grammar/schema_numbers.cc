#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

// A step as a whole number of units of 10^-digits.
struct Step {
  std::uint64_t units = 1;
  std::size_t digits = 0;
};

std::optional<Step> step_of(const Json& json) {
  const Decimal step = decimal_of(json);
  const auto units = scaled(step, step.fraction.size());
  if (!units || *units == 0) return std::nullopt;
  return Step{*units, step.fraction.size()};
}

std::uint64_t power_of_ten(std::size_t digits) {
  std::uint64_t result = 1;
  for (std::size_t i = 0; i < digits; ++i) result *= 10;
  return result;
}

// The least common multiple; nothing where it is too large.
std::optional<Step> joined(Step a, Step b) {
  constexpr std::uint64_t kUnitsMax = 1'000'000'000'000'000;
  const std::size_t digits = std::max(a.digits, b.digits);
  for (Step* step : {&a, &b}) {
    const std::uint64_t factor = power_of_ten(digits - step->digits);
    if (digits > 15 || step->units > kUnitsMax / factor) return std::nullopt;
    step->units *= factor;
  }
  const std::uint64_t factor = b.units / std::gcd(a.units, b.units);
  if (a.units > kUnitsMax / factor) return std::nullopt;
  return Step{a.units * factor, digits};
}

// Decimal numbers without exponent that are multiples; nothing where there would be too many states.
std::optional<Automaton> multiples(const Step& step) {
  constexpr std::uint64_t kUnitsMax = 2000;
  if (step.units > kUnitsMax || step.units * (step.digits + 1) > Automaton::kStateCountMax)
    return std::nullopt;
  // After a sign; then a state for each remainder of what stands so far, for each number of digits after the
  // point, for zeros after those that count, and right behind the point.
  const std::size_t tail = step.digits + 1;
  const std::size_t point = step.digits + 2;
  const auto at = [&](std::size_t block, std::uint64_t remainder) {
    return static_cast<Automaton::State>(2 + block * step.units + remainder);
  };
  std::vector<Automaton::Node> nodes(2 + (point + 1) * step.units);
  const auto digits_lead = [&](Automaton::Node& node, std::size_t block, std::uint64_t remainder) {
    for (char32_t c = 0; c < 10; ++c)
      node.edges.push_back({'0' + c, '0' + c, at(block, (remainder * 10 + c) % step.units)});
  };
  nodes[0].edges.push_back({'-', '-', 1});
  digits_lead(nodes[0], 0, 0);
  digits_lead(nodes[1], 0, 0);
  for (std::uint64_t remainder = 0; remainder < step.units; ++remainder) {
    for (std::size_t digits = 0; digits <= step.digits; ++digits) {
      Automaton::Node& node = nodes[at(digits, remainder)];
      node.accepts = remainder * (power_of_ten(step.digits - digits) % step.units) % step.units == 0;
      if (digits == 0) {
        node.edges.push_back({'.', '.', at(point, remainder)});
        digits_lead(node, 0, remainder);
      } else if (digits < step.digits) {
        digits_lead(node, digits + 1, remainder);
      } else {
        node.edges.push_back({'0', '0', at(tail, remainder)});
      }
    }
    nodes[at(tail, remainder)].accepts = remainder == 0;
    nodes[at(tail, remainder)].edges.push_back({'0', '0', at(tail, remainder)});
    if (step.digits > 0)
      digits_lead(nodes[at(point, remainder)], 1, remainder);
    else
      nodes[at(point, remainder)].edges.push_back({'0', '0', at(tail, remainder)});
  }
  return Automaton(nodes);
}

// Within what doubles tell apart: the bound, or one a little further inside.
std::optional<Bound> exact(const Bound& bound, bool low) {
  if (bound.value.digits() <= kExactDigits) return bound;
  Bound result = {.value = bound.value, .exclusive = false};
  Decimal& value = result.value;
  if (value.whole.size() > kExactDigits) {
    if (value.negative != low) return std::nullopt;  // no number is so large
    value.whole = std::string(kExactDigits, '9');
    value.fraction.clear();
    return result;
  }
  const std::size_t digits = kExactDigits - value.whole.size();
  value.fraction.resize(digits);
  if (value.negative != low) {  // cut off, it lies outside
    const std::string units = std::to_string(*scaled(value, digits) + 1);
    const std::string padded = std::string(digits + 1 - std::min(digits + 1, units.size()), '0') + units;
    value.whole = padded.substr(0, padded.size() - digits);
    value.fraction = padded.substr(padded.size() - digits);
  }
  while (value.fraction.ends_with('0')) value.fraction.pop_back();
  if (value.is_zero()) value.negative = false;
  return result;
}

// For numbers that must not be whole: a double keeps their fractions only where the whole part is short.
void bound_wholes(NumberRange& range) {
  static constexpr std::size_t kWholeDigits = 6;
  const auto bound = [](const std::optional<Bound>& other, bool negative) {
    const std::size_t digits = std::max(kWholeDigits, other ? other->value.whole.size() : 0);
    return Bound{.value = {.negative = negative, .whole = std::string(digits, '9')}};
  };
  if (!range.low) range.low = bound(range.high, true);
  if (!range.high) range.high = bound(range.low, false);
}

// The first integer that a bound lets in; nothing where it has more digits than are written.
std::optional<std::int64_t> integer_at(const Bound& bound, bool low) {
  constexpr std::size_t kDigitsMax = 18;
  const Decimal& value = bound.value;
  if (value.whole.size() > kDigitsMax) return std::nullopt;
  std::int64_t whole = 0;
  for (const char c : value.whole) whole = whole * 10 + (c - '0');
  if (value.negative) whole = -whole;
  const bool fits = value.fraction.empty() && !bound.exclusive;
  if (fits) return whole;
  if (value.fraction.empty()) return whole + (low ? 1 : -1);
  if (low) return value.negative ? whole : whole + 1;
  return value.negative ? whole - 1 : whole;
}

}  // namespace

Result<ExprId> SchemaCompiler::write_number(const Shape& shape) {
  NumberRange range;
  Step step = {.units = 1, .digits = 0};
  for (const Json& json : shape.steps) {
    const auto next = step_of(json);
    const auto both = !next ? std::nullopt : (&json == &shape.steps.front() ? next : joined(step, *next));
    if (!both) return error_at(shape, "multipleOf", "it has too many digits");
    step = *both;
  }
  const bool fractions_only = !has(shape.types, JsonType::Integer);
  if (!shape.steps.empty() && step.units % power_of_ten(step.digits) == 0 && !fractions_only)
    return write_integer(shape);
  for (const auto& [given, kept, low] :
       {std::tuple(&shape.low, &range.low, true), std::tuple(&shape.high, &range.high, false)}) {
    if (!*given) continue;
    *kept = exact(**given, low);
    if (*kept) continue;
    expander_.contradict(*shape.literals.front().source, low ? "minimum" : "maximum",
                         fmt::format("numbers have at most {} digits", kExactDigits));
    return b_.nothing();
  }
  if (!shape.steps.empty()) range.fraction_digits = step.digits;
  const bool denies = fractions_only || !shape.denied_steps.empty() ||
                      std::ranges::any_of(shape.denied, [](const Json& value) { return value.is_number(); });
  if (!denies && (shape.steps.empty() || step.units == 1)) {
    if (!range.low && !range.high && shape.steps.empty()) return json_.number();
    const ExprId result = number_in_range(range, b_);
    if (result == b_.nothing())
      expander_.contradict(*shape.literals.front().source, "", "no number lies within the bounds");
    return result;
  }
  if (fractions_only) bound_wholes(range);
  GrammarBuilder plain;
  return restricted(shape, plain, number_in_range(range, plain));
}

Result<ExprId> SchemaCompiler::write_integer(const Shape& shape) {
  std::int64_t low = -kIntegerMax;
  std::int64_t high = kIntegerMax;
  const auto bound = [&](const std::optional<Bound>& given, bool is_low) -> bool {
    if (!given) return true;
    const auto value = integer_at(*given, is_low);
    if (!value) return given->value.negative == is_low;  // beyond what is written anyway
    (is_low ? low : high) = std::clamp(*value, -kIntegerMax, kIntegerMax);
    return true;
  };
  if (!bound(shape.low, true) || !bound(shape.high, false) || low > high) {
    expander_.contradict(*shape.literals.front().source, "", "no integer lies within the bounds");
    return b_.nothing();
  }
  Step step;
  for (const Json& json : shape.steps) {
    const auto next = step_of(json);
    const auto both = next ? joined(step, *next) : std::nullopt;
    if (!both) return error_at(shape, "multipleOf", "it has too many digits");
    step = *both;
  }
  // The first step is 1, so that all are whole.
  const auto every = static_cast<std::int64_t>(step.units / power_of_ten(step.digits));
  const bool denies = !shape.denied_steps.empty() ||
                      std::ranges::any_of(shape.denied, [](const Json& value) { return value.is_number(); });
  const bool bounded = shape.low || shape.high;
  constexpr std::int64_t kListedMax = 1000;
  constexpr std::int64_t kDivisorMax = 100;
  if (!denies && every == 1) return bounded ? integer_in_range(low, high, b_) : json_.integer();
  if (!denies && !bounded && every <= kDivisorMax) return multiple_of(static_cast<std::uint32_t>(every), b_);
  if (!denies && (high / every - low / every) <= kListedMax) {
    std::vector<ExprId> values;
    const std::int64_t remainder = low % every;
    const std::int64_t first = remainder == 0 ? low : low - remainder + (remainder > 0 ? every : 0);
    for (std::int64_t value = first; value <= high; value += every)
      values.push_back(b_.literal(std::to_string(value)));
    if (values.empty())
      expander_.contradict(*shape.literals.front().source, "multipleOf",
                           "no multiple lies within the bounds");
    return b_.alternatives(values);
  }
  GrammarBuilder plain;
  return restricted(shape, plain, integer_in_range(low, high, plain));
}

// Those of `numbers` that are multiples of what they have to be, and nothing that is denied.
Result<ExprId> SchemaCompiler::restricted(const Shape& shape, const GrammarBuilder& from, ExprId numbers) {
  auto values = automaton_of(from, numbers);
  const auto apply = [&](const Json& json, bool denied) {
    const auto step = step_of(json);
    const auto some = step ? multiples(*step) : std::nullopt;
    values =
        !values || !some ? std::nullopt : (denied ? values->without(*some) : values->intersection(*some));
  };
  for (const Json& step : shape.steps) apply(step, false);
  for (const Json& step : shape.denied_steps) apply(step, true);
  if (!has(shape.types, JsonType::Integer)) apply(Json(1), true);
  if (!values)
    return error_at(shape, "multipleOf", "it is too large, or has too many digits, beside the bounds");
  for (const Json& value : shape.denied) {
    if (!value.is_number() || !values) continue;
    // As it is, or with zeros at its end.
    const Decimal number = decimal_of(value);
    const std::string sign = number.negative ? "-" : "";
    GrammarBuilder plain;
    const ExprId zeros = plain.repeat(plain.literal("0"), 0);
    const ExprId point = plain.sequence({plain.literal("."), zeros});
    const ExprId spelled =
        number.fraction.empty()
            ? plain.sequence({plain.literal(sign + number.whole), plain.optional(point)})
            : plain.sequence({plain.literal(sign + number.whole + "." + number.fraction), zeros});
    const auto texts = automaton_of(plain, spelled);
    values = texts ? values->without(*texts) : std::nullopt;
  }
  if (!values) return error_at(shape, "enum", "so many numbers cannot be denied");
  if (values->empty())
    expander_.contradict(*shape.literals.front().source, "multipleOf",
                         "no number fits it and what else is asked for");
  return automaton_expr(*values, b_);
}

}  // namespace minerva::grammar
