#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "text/grammar/json_number.h"
#include "text/grammar/schema_compiler.h"
#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

struct Lengths {
  std::uint64_t min = 0;
  std::uint64_t max = 0;  // kUnbounded and more: no end
};

// How many characters what `id` matches can have; classes and literals stand for values as they are.
Lengths lengths_of(const GrammarBuilder& builder, ExprId id) {
  using Kind = GrammarBuilder::Kind;
  const auto& expr = builder.at(id);
  const auto capped = [](std::uint64_t n) { return std::min<std::uint64_t>(n, kUnbounded); };
  Lengths result;
  switch (expr.kind) {
    case Kind::Class:
      return {1, 1};
    case Kind::Repeat: {
      const Lengths part = lengths_of(builder, expr.parts[0]);
      result.min = capped(part.min * expr.min);
      result.max = expr.max == kUnbounded ? (part.max == 0 ? 0 : kUnbounded) : capped(part.max * expr.max);
      return result;
    }
    case Kind::Sequence:
      for (const ExprId part : expr.parts) {
        const Lengths lengths = lengths_of(builder, part);
        result.min = capped(result.min + lengths.min);
        result.max = capped(result.max + lengths.max);
      }
      return result;
    case Kind::Alternatives:
      result.min = kUnbounded;
      for (const ExprId part : expr.parts) {
        const Lengths lengths = lengths_of(builder, part);
        result.min = std::min(result.min, lengths.min);
        result.max = std::max(result.max, lengths.max);
      }
      return result;
    default:
      return {};
  }
}

// A bound as JSON has it.
Result<std::optional<Json>> number_of(const Json& schema, const char* keyword, const std::string& pointer) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return std::nullopt;
  if (!found->is_number() || !std::isfinite(found->get<double>()))
    return schema_error(pointer, keyword, "expected a number");
  return *found;
}

Decimal decimal_of(const Json& number) {
  if (number.is_number_unsigned() && number.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return Decimal::of(number.get<double>());
  return number.is_number_integer() ? Decimal::of(number.get<std::int64_t>())
                                    : Decimal::of(number.get<double>());
}

// The k for which `step` is 10^-k, from 0 to 9.
std::optional<std::size_t> decimal_places(const Json& step) {
  const Decimal d = decimal_of(step);
  if (d.negative || d.whole != "0" || d.fraction.size() > 9) return std::nullopt;
  return d.fraction.find_first_not_of('0') + 1 == d.fraction.size() && d.fraction.ends_with('1')
             ? std::optional(d.fraction.size())
             : std::nullopt;
}

}  // namespace

Result<ExprId> SchemaCompiler::compile_string(const Json& schema, const std::string& pointer) {
  const bool has_pattern = schema.contains("pattern");
  if (schema.contains("format")) {
    if (!schema["format"].is_string()) return schema_error(pointer, "format", "expected a name");
    const auto name = schema["format"].get<std::string>();
    const auto regex = format_regex(name);
    if (!regex)
      return schema_error(pointer, "format",
                          fmt::format("this format is not known; known are {}", format_names()));
    if (has_pattern) return schema_error(pointer, "pattern", "it cannot be honoured beside format");
    MINERVA_ASSIGN(const ExprId value, string_value(*regex, false, "format", schema, pointer));
    return json_.quoted(value);
  }
  if (has_pattern) {
    if (!schema["pattern"].is_string()) return schema_error(pointer, "pattern", "expected a text");
    MINERVA_ASSIGN(const ExprId value,
                   string_value(schema["pattern"].get<std::string>(), true, "pattern", schema, pointer));
    return json_.quoted(value);
  }
  MINERVA_ASSIGN(const auto min, count_of(schema, "minLength", pointer));
  MINERVA_ASSIGN(const auto max, count_of(schema, "maxLength", pointer));
  return json_.string(min.value_or(0), max.value_or(kUnbounded));
}

// The inside of a string that `regex` matches. minLength and maxLength of `schema` are kept where the
// expression keeps them by itself, or is one repetition of a class.
Result<ExprId> SchemaCompiler::string_value(std::string_view regex, bool search, const char* keyword,
                                            const Json& schema, const std::string& pointer) {
  const auto parse = [&](const ClassWriter& writer, GrammarBuilder& builder) -> Result<ExprId> {
    auto parsed = parse_regex(regex, {.search = search, .write_class = writer}, builder);
    if (!parsed) return schema_error(pointer, keyword, parsed.error().message);
    return *parsed;
  };
  MINERVA_ASSIGN(const ExprId value, parse(json_.class_writer(), b_));
  MINERVA_ASSIGN(const auto least, count_of(schema, "minLength", pointer));
  MINERVA_ASSIGN(const auto most, count_of(schema, "maxLength", pointer));
  if (!least && !most) return value;
  const std::uint32_t min = least.value_or(0);
  const std::uint32_t max = most.value_or(kUnbounded);
  GrammarBuilder plain;
  MINERVA_ASSIGN(const ExprId plain_value,
                 parse([&](const CodePointSet& set) { return plain.one_of(set); }, plain));
  const Lengths lengths = lengths_of(plain, plain_value);
  if (lengths.min >= min && lengths.max <= max) return value;
  const auto& expr = plain.at(plain_value);
  if (expr.kind == GrammarBuilder::Kind::Repeat &&
      plain.at(expr.parts[0]).kind == GrammarBuilder::Kind::Class)
    return b_.repeat(json_.class_writer()(plain.at(expr.parts[0]).set), std::max(min, expr.min),
                     std::min(max, expr.max));
  return schema_error(
      pointer, lengths.min < min ? "minLength" : "maxLength",
      fmt::format("it cannot be honoured beside this {}: write the length into the pattern", keyword));
}

Result<ExprId> SchemaCompiler::compile_number(const Json& schema, const std::string& pointer, bool integer) {
  const auto step_of = schema.find("multipleOf");
  NumberRange range;
  if (step_of != schema.end()) {
    if (!step_of->is_number() || !(step_of->get<double>() > 0))
      return schema_error(pointer, "multipleOf", "expected a number greater than 0");
    const double step = step_of->get<double>();
    const auto places = decimal_places(*step_of);
    if (step == std::floor(step)) return compile_integer(schema, pointer);
    const bool divides_all =
        integer && 1 / step == std::floor(1 / step);  // every integer is a multiple of 0.5
    if (!integer && places)
      range.fraction_digits = *places;
    else if (!divides_all)
      return schema_error(pointer, "multipleOf", "whole numbers, 0.1, 0.01 and so on can be honoured");
  }
  if (integer) return compile_integer(schema, pointer);
  const auto bound = [&](const char* keyword, bool exclusive, bool low) -> Result<void> {
    MINERVA_ASSIGN(const auto number, number_of(schema, keyword, pointer));
    if (!number) return {};
    const Bound found = {decimal_of(*number), exclusive};
    if (found.value.digits() > kExactDigits)
      return schema_error(pointer, keyword, fmt::format("bounds have at most {} digits", kExactDigits));
    auto& kept = low ? range.low : range.high;
    const int order = kept ? compare(found.value, kept->value) * (low ? 1 : -1) : 1;
    if (order > 0 || (order == 0 && exclusive)) kept = found;
    return {};
  };
  MINERVA_TRY(bound("minimum", false, true));
  MINERVA_TRY(bound("exclusiveMinimum", true, true));
  MINERVA_TRY(bound("maximum", false, false));
  MINERVA_TRY(bound("exclusiveMaximum", true, false));
  const bool stepped = step_of != schema.end();
  if (!range.low && !range.high && !stepped) return json_.number();
  const ExprId result = number_in_range(range, b_);
  if (result == b_.nothing()) return schema_error(pointer, "", "no number lies within the bounds");
  return result;
}

Result<ExprId> SchemaCompiler::compile_integer(const Json& schema, const std::string& pointer) {
  std::int64_t low = -kIntegerMax;
  std::int64_t high = kIntegerMax;
  bool bounded_low = false;
  bool bounded_high = false;
  const auto bound = [&](const char* keyword, bool exclusive, bool is_low) -> Result<void> {
    MINERVA_ASSIGN(const auto number, number_of(schema, keyword, pointer));
    if (!number) return {};
    const double real = number->get<double>();
    if (real >= 1e18 || real <= -1e18) {
      if ((real > 0) != is_low) return {};  // beyond what is written anyway
      return schema_error(pointer, keyword, "integers have at most 18 digits");
    }
    std::int64_t value = 0;
    if (number->is_number_integer()) {
      value = number->get<std::int64_t>();
      if (exclusive) value += is_low ? 1 : -1;
    } else {
      value = static_cast<std::int64_t>(is_low ? std::ceil(real) : std::floor(real));
      if (exclusive && static_cast<double>(value) == real) value += is_low ? 1 : -1;
    }
    (is_low ? low : high) = is_low ? std::max(low, value) : std::min(high, value);
    (is_low ? bounded_low : bounded_high) = true;
    return {};
  };
  MINERVA_TRY(bound("minimum", false, true));
  MINERVA_TRY(bound("exclusiveMinimum", true, true));
  MINERVA_TRY(bound("maximum", false, false));
  MINERVA_TRY(bound("exclusiveMaximum", true, false));
  if (low > high) return schema_error(pointer, "", "no integer lies within the bounds");

  const double step_real = schema.contains("multipleOf") ? schema["multipleOf"].get<double>() : 1;
  if (step_real > 1e15) return schema_error(pointer, "multipleOf", "it is too large");
  const auto step = static_cast<std::int64_t>(step_real < 1 ? 1 : step_real);
  if (step == 1) return !bounded_low && !bounded_high ? json_.integer() : integer_in_range(low, high, b_);
  constexpr std::int64_t kListedMax = 1000;
  constexpr std::int64_t kDivisorMax = 100;
  if (bounded_low && bounded_high && (high - low) / step <= kListedMax) {
    std::vector<ExprId> values;
    const std::int64_t remainder = low % step;
    const std::int64_t first = remainder == 0 ? low : low - remainder + (remainder > 0 ? step : 0);
    for (std::int64_t value = first; value <= high; value += step)
      values.push_back(b_.literal(std::to_string(value)));
    if (values.empty()) return schema_error(pointer, "multipleOf", "no multiple lies within the bounds");
    return b_.alternatives(values);
  }
  if (bounded_low || bounded_high)
    return schema_error(pointer, "multipleOf",
                        fmt::format("beside bounds it can be honoured for at most {} values", kListedMax));
  if (step > kDivisorMax)
    return schema_error(pointer, "multipleOf", fmt::format("without bounds {} is the most", kDivisorMax));
  return multiple_of(static_cast<std::uint32_t>(step), b_);
}

Result<ExprId> SchemaCompiler::compile_array(const Json& schema, const std::string& pointer) {
  MINERVA_ASSIGN(const auto least, count_of(schema, "minItems", pointer));
  MINERVA_ASSIGN(const auto most, count_of(schema, "maxItems", pointer));
  const std::uint32_t min = least.value_or(0);
  const std::uint32_t max = most.value_or(kUnbounded);
  if (min > max) return schema_error(pointer, "minItems", "it is greater than maxItems");
  if (schema.value("uniqueItems", Json(false)) != false && max > 1)
    return schema_error(pointer, "uniqueItems", "it cannot be honoured");

  // Draft 7 writes prefixItems and items as items and additionalItems.
  const bool list = schema.contains("items") && schema["items"].is_array();
  const char* prefix_keyword = list ? "items" : "prefixItems";
  const char* item_keyword = list ? "additionalItems" : "items";
  if (list && schema.contains("prefixItems"))
    return schema_error(pointer, "items", "a list of schemas beside prefixItems");
  if (!schema.contains(item_keyword) && schema.contains("unevaluatedItems"))
    item_keyword = "unevaluatedItems";
  const Json prefix = schema.value(prefix_keyword, Json::array());
  if (!prefix.is_array()) return schema_error(pointer, prefix_keyword, "expected a list of schemas");

  const std::string prefix_at = child(pointer, prefix_keyword);
  std::vector<ExprId> first;
  for (std::size_t i = 0; i < prefix.size() && i < max; ++i) {
    MINERVA_ASSIGN(const ExprId item, compile(prefix[i], child(prefix_at, std::to_string(i))));
    first.push_back(item);
  }
  const auto taken = static_cast<std::uint32_t>(first.size());
  ExprId item = b_.nothing();
  // After a prefix, more items only where they are asked for.
  if (prefix.empty() || schema.contains(item_keyword) || min > taken) {
    MINERVA_ASSIGN(item, compile(schema.value(item_keyword, Json(true)), child(pointer, item_keyword)));
  }
  return json_.array_of(first, item, min > taken ? min - taken : 0, max == kUnbounded ? max : max - taken);
}

}  // namespace minerva::grammar
