#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

// Whether some schema says what comes after the first items.
bool speaks_of_rest(const Shape& shape) {
  return std::ranges::any_of(shape.arrays, [](const Shape::Part& part) {
    const Json& json = *part.source->json;
    return json.contains(items_of(json).rest_keyword) || json.contains("unevaluatedItems");
  });
}

// What is denied: more than an empty one takes too much to say.
bool denies_empty_only(const Shape& shape, bool (Json::*is)() const noexcept) {
  return std::ranges::all_of(shape.denied,
                             [&](const Json& value) { return !(value.*is)() || value.empty(); });
}

// Without its fraction; of less than 19 digits.
std::int64_t whole_part(const Decimal& value) {
  std::int64_t whole = 0;
  for (const char c : value.whole) whole = whole * 10 + (c - '0');
  return value.negative ? -whole : whole;
}

}  // namespace

Result<ExprId> SchemaCompiler::write_array(const Shape& given) {
  Shape shape = given;
  if (!denies_empty_only(shape, &Json::is_array))
    return error_at(shape, "not", "lists cannot be denied as values");
  if (std::ranges::any_of(shape.denied, [](const Json& value) { return value.is_array(); }))
    shape.min_items = std::max(shape.min_items, 1U);
  if (shape.min_items > shape.max_items) {
    expander_.contradict(*shape.literals.front().source, "minItems", "it is greater than maxItems");
    return b_.nothing();
  }
  if (shape.unique && shape.max_items > 1) return write_unique(shape);
  const std::size_t prefix = Expander::prefix_size(shape);
  std::vector<ExprId> first;
  std::uint32_t max = shape.max_items;
  for (std::size_t i = 0; i < prefix && i < max; ++i) {
    MINERVA_ASSIGN(const ExprId item, value(expander_.item_node(shape, i)));
    if (item == b_.nothing()) max = static_cast<std::uint32_t>(i);  // it ends before
    if (item != b_.nothing()) first.push_back(item);
  }
  if (max < shape.min_items) return b_.nothing();
  const bool counts = std::ranges::any_of(
      shape.contains, [](const Shape::Contains& c) { return c.min > 0 || c.max != kUnbounded; });
  if (counts) return write_containing(shape, max);
  const auto taken = static_cast<std::uint32_t>(first.size());
  ExprId item = b_.nothing();
  // After a prefix, more items only where they are asked for.
  const bool more = prefix == 0 || speaks_of_rest(shape) || shape.min_items > taken;
  if (more && max > taken) {
    MINERVA_ASSIGN(item, value(expander_.item_node(shape, prefix)));
  }
  return json_.array_of(first, item, shape.min_items > taken ? shape.min_items - taken : 0,
                        max == kUnbounded ? max : max - taken);
}

// A place for each number of items and of those that count.
Result<ExprId> SchemaCompiler::write_containing(const Shape& shape, std::uint32_t max) {
  constexpr std::size_t kPlacesMax = 4096;
  if (shape.contains.size() > 1) return error_at(shape, "contains", "two of them cannot be honoured at once");
  const auto& [counted, min, most] = shape.contains.front();
  const bool limited = most != kUnbounded;
  const std::size_t prefix = Expander::prefix_size(shape);
  // Where there is no end, the last place is left for itself: it is behind some item.
  const std::size_t least = std::max({prefix, std::size_t{shape.min_items}, std::size_t{1}});
  const std::size_t length = max == kUnbounded ? least : max;
  const std::size_t count = limited ? most : min;
  if (min > count) return b_.nothing();
  if ((length + 1) * (count + 1) > kPlacesMax)
    return error_at(shape, "contains", "it cannot be honoured beside such large numbers of items");
  // The kinds of item at each place of the prefix, and after it.
  struct Kinds {
    ExprId counted;
    ExprId other;
  };
  std::vector<Kinds> kinds;
  for (std::size_t i = 0; i <= prefix; ++i) {
    Node node = expander_.item_node(shape, i);
    Node with = node;
    with.push_back({counted, true});
    if (limited) node.push_back({counted, false});
    MINERVA_ASSIGN(const ExprId fits, value(with));
    MINERVA_ASSIGN(const ExprId other, value(node));
    kinds.push_back({fits, other});
  }
  std::vector<RuleId> rules((length + 1) * (count + 1));
  for (RuleId& rule : rules) rule = b_.add_rule();
  if (b_.full()) return b_.nothing();
  const auto at = [&](std::size_t items, std::size_t fitting) {
    return rules[items * (count + 1) + fitting];
  };
  for (std::size_t items = 0; items <= length; ++items) {
    for (std::size_t fitting = 0; fitting <= count; ++fitting) {
      std::vector<ExprId> next;
      if (items >= shape.min_items && fitting >= min) next.push_back(b_.empty());
      const bool loops = items == length;
      if (!loops || max == kUnbounded) {
        const Kinds& kind = kinds[std::min(items, prefix)];
        const std::size_t then = loops ? items : items + 1;
        const ExprId before = items == 0 ? b_.empty() : json_.comma();
        if (fitting < count)
          next.push_back(b_.sequence({before, kind.counted, b_.rule(at(then, fitting + 1))}));
        else if (!limited)
          next.push_back(b_.sequence({before, kind.counted, b_.rule(at(then, fitting))}));
        next.push_back(b_.sequence({before, kind.other, b_.rule(at(then, fitting))}));
      }
      b_.define(at(items, fitting), b_.alternatives(next));
    }
  }
  return b_.sequence({b_.literal("["), json_.space(), b_.rule(at(0, 0)), json_.space(), b_.literal("]")});
}

// All values that fit, where they can be listed.
Result<std::optional<std::vector<Json>>> SchemaCompiler::finite_values(const Node& node) {
  constexpr std::int64_t kIntegersMax = 1000;
  MINERVA_ASSIGN(const auto shapes, expander_.expand(node));
  std::vector<Json> values;
  const auto add = [&](const Json& value) {
    if (std::ranges::none_of(values, [&](const Json& known) { return equal_values(known, value); }))
      values.push_back(value);
  };
  for (const Shape& shape : shapes) {
    if (shape.values) {
      for (const Json& value : *shape.values) add(value);
      continue;
    }
    const std::uint8_t types = shape.types_meant();
    if ((types & ~(bit(JsonType::Null) | bit(JsonType::Boolean) | bit(JsonType::Integer))) != 0)
      return std::optional<std::vector<Json>>();
    if (has(types, JsonType::Integer)) {
      const bool simple =
          shape.low && shape.high && shape.low->value.digits() < 10 && shape.high->value.digits() < 10;
      if (!simple) return std::optional<std::vector<Json>>();
      const std::int64_t low = whole_part(shape.low->value);
      const std::int64_t high = whole_part(shape.high->value);
      if (high - low > kIntegersMax) return std::optional<std::vector<Json>>();
      for (std::int64_t i = low; i <= high; ++i) {
        const bool fits = std::ranges::all_of(shape.literals, [&](const Literal& literal) {
          return literal.source->made || expander_.validity().of(*literal.source, Json(i)) ==
                                             (literal.positive ? Verdict::Valid : Verdict::Invalid);
        });
        if (fits) add(Json(i));
      }
    }
    for (const Json& value : {Json(nullptr), Json(false), Json(true)})
      if (has(types, value.is_null() ? JsonType::Null : JsonType::Boolean) &&
          std::ranges::find(shape.denied, value) == shape.denied.end())
        add(value);
  }
  return std::optional(std::move(values));
}

// No grammar keeps any two items apart: a list of values in any order, or, where there are many, items of
// which each comes after the one before in some order.
Result<ExprId> SchemaCompiler::write_unique(const Shape& shape) {
  constexpr std::size_t kAnyOrderMax = 6;
  if (Expander::prefix_size(shape) > 0 || !shape.contains.empty())
    return error_at(shape, "uniqueItems", "it cannot be honoured beside prefixItems or contains");
  const Node node = expander_.item_node(shape, 0);
  MINERVA_ASSIGN(const auto listed, finite_values(node));
  std::vector<ExprId> items;
  if (listed) {
    for (const Json& one : *listed) items.push_back(literal(one));
    if (items.size() <= kAnyOrderMax) return write_any_order(items, shape.min_items, shape.max_items);
    return write_ordered(items, shape.min_items, shape.max_items);
  }
  // One item of each class: strings by their first character, integers one by one as far as 50, then by
  // digits.
  const auto of_class = [&](Json schema) -> Result<void> {
    Node with = node;
    with.push_back({&document_.made(document_.root(), std::move(schema)), true});
    MINERVA_ASSIGN(const ExprId item, value(with));
    if (item != b_.nothing()) items.push_back(item);
    return {};
  };
  MINERVA_ASSIGN(const auto shapes, expander_.expand(node));
  const bool simple = std::ranges::all_of(shapes, [](const Shape& one) {
    const int scalars =
        bit(JsonType::String) | bit(JsonType::Integer) | bit(JsonType::Null) | bit(JsonType::Boolean);
    return one.values || (one.types_meant() & ~scalars) == 0;
  });
  if (!simple) {
    if (shape.min_items > 1)
      return error_at(shape, "uniqueItems",
                      "it can be honoured for strings, integers and lists of values only");
    MINERVA_ASSIGN(const ExprId item, value(node));
    return write_ordered({item}, shape.min_items, shape.max_items);
  }
  MINERVA_TRY(of_class({{"enum", {nullptr, false, true, ""}}}));
  for (int i = 0; i < 50; ++i) MINERVA_TRY(of_class({{"const", i}}));
  std::int64_t from = 50;
  for (int digits = 2; digits <= 15; ++digits) {
    std::int64_t to = 10;
    for (int i = 1; i < digits; ++i) to *= 10;
    MINERVA_TRY(of_class({{"type", "integer"}, {"minimum", from}, {"maximum", to - 1}}));
    from = to;
  }
  MINERVA_TRY(of_class({{"type", "integer"}, {"maximum", -1}}));
  for (char c = '!'; c <= '~'; ++c)
    MINERVA_TRY(of_class({{"type", "string"}, {"pattern", fmt::format("^\\x{:02x}", static_cast<int>(c))}}));
  MINERVA_TRY(of_class({{"type", "string"}, {"pattern", "^[^!-~]"}}));
  return write_ordered(items, shape.min_items, shape.max_items);
}

// Some of `items`, each at most once, in their order. A rule for each item that may come next and each number
// of those that stand.
ExprId SchemaCompiler::write_ordered(const std::vector<ExprId>& items, std::uint32_t min, std::uint32_t max) {
  const std::size_t size = items.size();
  const std::size_t most = std::min<std::size_t>(max, size);
  if (min > most) return b_.nothing();
  const bool counts = most < size;
  // Numbers beyond these are all the same.
  const std::size_t last = counts ? most : std::max<std::size_t>(min, 1);
  constexpr std::size_t kPlacesMax = 8192;
  if ((size + 1) * (last + 1) > kPlacesMax)
    return write_ordered({items.begin(), items.begin() + 64}, min, std::min(max, 64U));
  std::vector<ExprId> next(last + 1);
  for (std::size_t count = 0; count <= last; ++count) next[count] = count >= min ? b_.empty() : b_.nothing();
  for (std::size_t i = size; i-- > 0;) {
    std::vector<ExprId> here(last + 1);
    for (std::size_t count = 0; count <= last; ++count) {
      const bool full = counts && count == most;
      const ExprId with = full ? b_.nothing()
                               : b_.sequence({count == 0 ? b_.empty() : json_.comma(), items[i],
                                              next[std::min(count + 1, last)]});
      const RuleId rule = b_.add_rule();
      const ExprId body = b_.alternatives({with, next[count]});
      b_.define(rule, body);
      here[count] = body == b_.nothing() || body == b_.empty() ? body : b_.rule(rule);
    }
    next = std::move(here);
  }
  return b_.sequence({b_.literal("["), json_.space(), next[0], json_.space(), b_.literal("]")});
}

// A rule for each set of items that stand.
ExprId SchemaCompiler::write_any_order(const std::vector<ExprId>& items, std::uint32_t min,
                                       std::uint32_t max) {
  const std::size_t sets = std::size_t{1} << items.size();
  std::vector<RuleId> rules(sets);
  for (RuleId& rule : rules) rule = b_.add_rule();
  if (b_.full()) return b_.nothing();
  for (std::size_t set = 0; set < sets; ++set) {
    const auto count = static_cast<std::uint32_t>(std::popcount(set));
    std::vector<ExprId> next;
    if (count >= min) next.push_back(b_.empty());
    for (std::size_t i = 0; i < items.size() && count < max; ++i)
      if ((set >> i & 1U) == 0)
        next.push_back(b_.sequence(
            {set == 0 ? b_.empty() : json_.comma(), items[i], b_.rule(rules[set | std::size_t{1} << i])}));
    b_.define(rules[set], b_.alternatives(next));
  }
  return b_.sequence({b_.literal("["), json_.space(), b_.rule(rules[0]), json_.space(), b_.literal("]")});
}

}  // namespace minerva::grammar
