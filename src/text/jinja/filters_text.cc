// Filters on texts.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/html.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/string_format.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"
#include "text/jinja/wrap.h"

namespace minerva::jinja {
namespace {

/// Calls str's method of this name on the input as text.
Value call_method(Interpreter& interpreter, const Value& input, std::string_view name,
                  const Arguments& arguments) {
  const Value string = to_string_value(input);
  return find_method(string, name)->call(interpreter, string, arguments);
}

Value upper(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_upper", arguments, {}, 0);
  return call_method(interpreter, input, "upper", {});
}
Value lower(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_lower", arguments, {}, 0);
  return call_method(interpreter, input, "lower", {});
}
Value capitalize(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_capitalize", arguments, {}, 0);
  return call_method(interpreter, input, "capitalize", {});
}
Value center(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_center", arguments, {"width"}, 0);
  return call_method(interpreter, input, "center", {{given.has(0) ? given[0] : Value(80)}, {}});
}
Value trim(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_trim", arguments, {"chars"}, 0);
  return call_method(interpreter, input, "strip", {{given.has(0) ? given[0] : Value()}, {}});
}
Value string(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("soft_str", arguments, {}, 0);
  return to_string_value(input);
}

/// Words begin after white space and opening brackets; str.upper() and lower() make their letters.
Value title(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_title", arguments, {}, 0);
  const Value source = to_string_value(input);
  const std::string_view text = source.text();
  spend(text.size() / 8);
  expect_bytes(text.size(), 4);
  const auto separates = [](char32_t c) {
    return is_space(c) ||
           (c < 0x80 && std::string_view("-({[<").find(static_cast<char>(c)) != std::string_view::npos);
  };
  std::string out;
  // Runs of what separates and words take turns; of each the first character becomes upper, the rest lower
  // case.
  std::size_t start = 0;
  std::size_t second = 0;
  std::optional<bool> is_separator;
  const auto finish = [&](std::size_t end) {
    out += to_upper(text.substr(start, second - start));
    out += to_lower(text.substr(second, end - second));
    start = end;
  };
  for (CodePoints points(text); !points.done();) {
    const std::size_t at = points.offset();
    const bool separates_here = separates(points.next());
    if (separates_here == is_separator) continue;
    if (is_separator) finish(at);
    is_separator = separates_here;
    second = points.offset();
  }
  finish(text.size());
  return out;
}

Value replace(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_replace", arguments, {"old", "new", "count"}, 2);
  const std::int64_t most = given.optional(2) != nullptr ? given.integer(2, -1) : -1;
  if (!interpreter.autoescape()) return replaced(to_text(input), to_text(given[0]), to_text(given[1]), most);
  const bool escapes = is_markup(given[0]) || (is_markup(given[1]) && !is_markup(input));
  const Value source = escapes ? escaped(input) : to_string_value(input);
  return call_method(interpreter, source, "replace",
                     {{to_string_value(given[0]), to_string_value(given[1]), Value(most)}, {}});
}

Value format(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    raise("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  if (arguments.named.empty())
    return format_percent(to_string_value(input), Value::tuple(arguments.positional));
  std::vector<Pair> named;
  for (const auto& [name, value] : arguments.named) named.emplace_back(Value(name), value);
  return format_percent(to_string_value(input), Value::dict(std::move(named)));
}

Value indent(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_indent", arguments, {"width", "first", "blank"}, 0);
  const Value width = given.has(0) ? given[0] : Value(4);
  const bool marks = is_markup(input);
  std::string indention =
      width.is_string() ? width.text() : apply(BinaryOperator::Multiply, Value(" "), width).text();
  if (marks && width.is_string() && !is_markup(width)) indention = width.text();
  if (input.is_number())
    raise_type_error(fmt::format("unsupported operand type(s) for +=: '{}' and 'str'", type_name(input)));
  const Value with_end = apply(BinaryOperator::Add, input, marks ? markup("\n") : Value("\n"));
  if (!with_end.is_string())
    raise("AttributeError", fmt::format("'{}' object has no attribute 'splitlines'", type_name(with_end)));
  const auto lines = split_lines(with_end.text(), false);
  spend(with_end.text().size() / 16);
  std::string out;
  if (given.flag(1, false)) out = indention;
  const bool indents_blank = given.flag(2, false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (indents_blank || !lines[i].empty())) out += indention;
    out += lines[i];
    spend(1 + indention.size() / 64);
    expect_bytes(out.size() + indention.size(), 1);
  }
  return make_string(std::move(out), marks);
}

Value truncate(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_truncate", arguments, {"length", "killwords", "end", "leeway"}, 0);
  const std::int64_t length = given.integer(0, 255);
  const Value end = given.has(2) ? given[2] : Value("...");
  const std::int64_t leeway = given.optional(3) != nullptr ? given.integer(3, 5) : 5;
  const std::int64_t end_length = length_or_raise(end);
  if (length < end_length)
    raise("AssertionError", fmt::format("expected length >= {}, got {}", end_length, length));
  if (leeway < 0) raise("AssertionError", fmt::format("expected leeway >= 0, got {}", leeway));
  std::int64_t most = 0;
  if (__builtin_add_overflow(length, leeway, &most) || length_or_raise(input) <= most) return input;
  const Value cut = slice_of(input, Value(), Value(length - end_length), Value());
  if (!cut.is_string()) return apply(BinaryOperator::Add, cut, end);
  if (given.flag(1, false)) return apply(BinaryOperator::Add, cut, end);
  const auto parts = split_at_from_end(cut.text(), " ", 1);
  return apply(BinaryOperator::Add, make_string(std::string(parts[0]), is_markup(cut)), end);
}

Value wordcount(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_wordcount", arguments, {}, 0);
  const Value string = to_string_value(input);
  spend(string.text().size() / 16);
  std::int64_t words = 0;
  bool in_word = false;
  for (CodePoints points(string.text()); !points.done();) {
    const bool is_part = is_word(points.next());
    if (is_part && !in_word) ++words;
    in_word = is_part;
  }
  return words;
}

Value wordwrap(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_wordwrap", arguments,
                         {"width", "break_long_words", "wrapstring", "break_on_hyphens"}, 0);
  if (input.is_undefined()) raise_undefined(input);
  if (!input.is_string())
    raise("AttributeError", fmt::format("'{}' object has no attribute 'splitlines'", type_name(input)));
  const WrapStyle style{.width = given.integer(0, 79),
                        .breaks_long_words = given.flag(1, true),
                        .breaks_at_hyphens = given.flag(3, true)};
  const std::string between = given.optional(2) != nullptr ? to_text(given[2]) : "\n";
  std::string out;
  bool is_first_line = true;
  for (const std::string_view line : split_lines(input.text(), false)) {
    if (!is_first_line) out += between;
    is_first_line = false;
    bool is_first = true;
    for (const std::string& piece : wrapped(line, style)) {
      if (!is_first) out += between;
      is_first = false;
      out += piece;
      spend(1);
      expect_bytes(out.size() + between.size(), 1);
    }
  }
  return out;
}

std::string separator_of(const Value& value) {
  if (!value.is_string())
    raise_type_error(fmt::format("can only concatenate str (not \"{}\") to str", type_name(value)));
  return value.text();
}

Value tojson(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  JsonStyle style;
  style.ensure_ascii = given.flag(0, false);
  style.sort_keys = given.flag(3, false);
  if (const Value* indent = given.optional(1)) {
    style.indent = indent->is_string()
                       ? indent->text()
                       : apply(BinaryOperator::Multiply, Value(" "), Value(integer_argument(*indent))).text();
    style.item_separator = ",";
  }
  if (const Value* separators = given.optional(2)) {
    const std::vector<Value> parts = to_items(*separators);
    if (parts.size() != 2) raise_value_error("separators must be a pair");
    style.item_separator = separator_of(parts[0]);
    style.key_separator = separator_of(parts[1]);
  }
  return to_json(input, style);
}

Value pprint(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_pprint", arguments, {}, 0);
  return pretty(input);
}

constexpr std::array<FilterEntry, 15> kFilters = {{
    {"capitalize", capitalize},
    {"center", center},
    {"format", format},
    {"indent", indent},
    {"lower", lower},
    {"pprint", pprint},
    {"replace", replace},
    {"string", string},
    {"title", title},
    {"tojson", tojson},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", upper},
    {"wordcount", wordcount},
    {"wordwrap", wordwrap},
}};

}  // namespace

std::span<const FilterEntry> text_filters() {
  return kFilters;
}

}  // namespace minerva::jinja
