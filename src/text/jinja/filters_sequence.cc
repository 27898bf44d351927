// Filters on lists and dicts.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text/jinja/attributes.h"
#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/html.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/iterators.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/sorting.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"
#include "text/jinja/views.h"

namespace minerva::jinja {
namespace {

Value length(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("len", arguments, {}, 0);
  return length_or_raise(input);
}

Value list(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_list", arguments, {}, 0);
  return input.is(Kind::List) ? input : Value::list(to_items(input));
}

Value first(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_first", arguments, {}, 0);
  Value item = next_of(iterate(input));
  return item.is_missing() ? undefined_hint("No first item, sequence was empty.") : item;
}

/// reversed(), or Missing.
Value reversed(const Value& input) {
  if (input.is_dict()) return reversed_dict(input, ViewOf::Keys);
  if (const Value view = reversed_view(input); !view.is_missing()) return view;
  if (input.is_string() || input.is_sequence() || input.is_undefined() ||
      (input.is(Kind::Object) && input.object().length() && !input.object().is_callable())) {
    std::vector<Value> items = to_items(input);
    std::ranges::reverse(items);
    return make_reversed(std::move(items), type_name(input));
  }
  return Value::missing();
}

Value last(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_last", arguments, {}, 0);
  Value item = Value::missing();
  if (input.is_sequence()) {
    if (!input.items().empty()) item = input.items().back();
  } else {
    const Value backwards = reversed(input);
    if (backwards.is_missing())
      raise_type_error(fmt::format("'{}' object is not reversible", type_name(input)));
    item = next_of(backwards);
  }
  return item.is_missing() ? undefined_hint("No last item, sequence was empty.") : item;
}

Value reverse(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_reverse", arguments, {}, 0);
  if (input.is_string()) return slice_of(input, Value(), Value(), Value(-1));
  Value backwards = reversed(input);
  if (!backwards.is_missing()) return backwards;
  if (!is_iterable(input)) raise("FilterArgumentError", "argument must be iterable");
  std::vector<Value> items = to_items(input);
  std::ranges::reverse(items);
  return Value::list(std::move(items));
}

Value random(Interpreter& /*interpreter*/, const Value& input, const Arguments& /*arguments*/) {
  // Where chance has no choice there is an answer.
  const std::int64_t count = length_or_raise(input);
  if (count == 0) return undefined_hint("No random item, sequence was empty.");
  if (count == 1 && input.is_sequence()) return input.items()[0];
  raise("NotImplementedError", "the filter 'random' is not supported: a prompt must not depend on chance");
}

Value join(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_join", arguments, {"d", "attribute"}, 0);
  const AttributePath path(given.has(1) ? given[1] : Value());
  std::vector<Value> items = to_items(input);
  if (given.optional(1) != nullptr)
    for (Value& item : items) item = path.get(interpreter, item);
  const Value separator = given.has(0) ? given[0] : Value("");
  const bool escapes =
      interpreter.autoescape() && (is_markup(separator) || std::ranges::any_of(items, is_markup));
  const Value between = escapes ? escaped(separator) : to_string_value(separator);
  std::string out;
  bool is_first = true;
  for (const Value& item : items) {
    if (!is_first) out += between.text();
    is_first = false;
    if (escapes) {
      out += escaped(item).text();
    } else {
      append_text(out, item);
    }
    expect_bytes(out.size(), 2);
    spend(1 + between.text().size() / 64 + (item.is_string() ? item.text().size() / 64 : 0));
  }
  return make_string(std::move(out), escapes);
}

/// The keys that items are sorted by.
std::vector<Value> sort_keys(Interpreter& interpreter, const std::vector<Value>& items,
                             const Value& attribute, bool case_sensitive) {
  const std::vector<AttributePath> paths = attribute_paths(attribute);
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    spend(4);
    std::vector<Value> parts;
    for (const AttributePath& path : paths) {
      Value key = path.get(interpreter, item);
      parts.push_back(case_sensitive ? std::move(key) : without_case(key));
    }
    keys.push_back(Value::list(std::move(parts)));
  }
  return keys;
}

Value sort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_sort", arguments, {"reverse", "case_sensitive", "attribute"}, 0);
  std::vector<Value> items = to_items(input);
  const std::vector<Value> keys =
      sort_keys(interpreter, items, given.has(2) ? given[2] : Value(), given.flag(1, false));
  return Value::list(sorted(std::move(items), keys, given.flag(0, false)));
}

Value dictsort(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_dictsort", arguments, {"case_sensitive", "by", "reverse"}, 0);
  const std::string by = given.has(1) ? to_text(given[1]) : "key";
  if (by != "key" && by != "value")
    raise("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) raise_undefined(input);
  if (!input.is_dict())
    raise("AttributeError", fmt::format("'{}' object has no attribute 'items'", type_name(input)));
  std::vector<Value> items;
  std::vector<Value> keys;
  for (const auto& [key, value] : input.entries()) {
    items.push_back(Value::tuple({key, value}));
    const Value& chosen = by == "key" ? key : value;
    keys.push_back(given.flag(0, false) ? chosen : without_case(chosen));
  }
  return Value::list(sorted(std::move(items), keys, given.flag(2, false)));
}

/// min() and max().
template <bool wants_least>
Value extreme(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given(wants_least ? "do_min" : "do_max", arguments, {"case_sensitive", "attribute"}, 0);
  const AttributePath path(given.has(1) ? given[1] : Value());
  const bool case_sensitive = given.flag(0, false);
  const Value iterator = iterate(input);
  Value best = next_of(iterator);
  if (best.is_missing()) return undefined_hint("No aggregated item, sequence was empty.");
  const auto key_of = [&](const Value& item) {
    Value key = path.get(interpreter, item);
    return case_sensitive ? key : without_case(key);
  };
  Value best_key = key_of(best);
  for (Value item = next_of(iterator); !item.is_missing(); item = next_of(iterator)) {
    spend(1);
    Value key = key_of(item);
    if (wants_least ? less(key, best_key) : compare(Comparison::Greater, key, best_key)) {
      best = std::move(item);
      best_key = std::move(key);
    }
  }
  return best;
}

Value sum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_sum", arguments, {"attribute", "start"}, 0);
  const AttributePath path(given.has(0) ? given[0] : Value());
  Value total = given.has(1) ? given[1] : Value(0);
  if (total.is_string()) raise_type_error("sum() can't sum strings [use ''.join(seq) instead]");
  const Value iterator = iterate(input);
  for (Value item = next_of(iterator); !item.is_missing(); item = next_of(iterator)) {
    spend(1);
    total = apply(BinaryOperator::Add, total, path.get(interpreter, item));
  }
  return total;
}

Value groupby(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(given[0]);
  const Value* otherwise = given.optional(1);
  const bool case_sensitive = given.flag(2, false);
  std::vector<Value> items = to_items(input);
  const auto key_of = [&](const Value& item) {
    Value key = path.get(interpreter, item, otherwise);
    return case_sensitive ? key : without_case(key);
  };
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) keys.push_back(key_of(item));
  items = sorted(std::move(items), keys, false);
  std::vector<Value> groups;
  for (std::size_t from = 0; from < items.size();) {
    const Value key = key_of(items[from]);
    std::size_t to = from + 1;
    while (to < items.size() && equal(key_of(items[to]), key)) ++to;
    Value shown = case_sensitive ? key : path.get(interpreter, items[from], otherwise);
    const auto at = [&](std::size_t i) { return items.begin() + static_cast<std::ptrdiff_t>(i); };
    Value members = Value::list({at(from), at(to)});
    groups.push_back(make_object<SequenceObject>(
        Kind::Tuple, std::vector<Value>{std::move(shown), std::move(members)}, true));
    from = to;
  }
  return Value::list(std::move(groups));
}

Value attr(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_attr", arguments, {"name"}, 1);
  if (!given[0].is_string()) raise_type_error("attribute name must be string");
  Value found = attribute_of(input, given[0].text());
  return found.is_missing() ? undefined_member(input, given[0]) : found;
}

Value default_value(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_default", arguments, {"default_value", "boolean"}, 0);
  if (!input.is_undefined() && !(given.flag(1, false) && !truth(input))) return input;
  return given.has(0) ? given[0] : Value("");
}

constexpr std::array<FilterEntry, 17> kFilters = {{
    {"attr", attr},
    {"count", length},
    {"d", default_value},
    {"default", default_value},
    {"dictsort", dictsort},
    {"first", first},
    {"groupby", groupby},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", list},
    {"max", extreme<false>},
    {"min", extreme<true>},
    {"random", random},
    {"reverse", reverse},
    {"sort", sort},
    {"sum", sum},
}};

}  // namespace

std::span<const FilterEntry> sequence_filters() {
  return kFilters;
}

}  // namespace minerva::jinja
