// str's methods. Of Markup they give Markup, and what they put in is escaped.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/bytes.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/html.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/search.h"
#include "text/jinja/string_format.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// A result of the same type as `self`.
Value like(const Value& self, std::string text) {
  return make_string(std::move(text), is_markup(self));
}

const std::string& text_argument(const Value& value, std::string_view function, std::size_t position) {
  if (value.is_string()) return value.text();
  raise_type_error(fmt::format("{}() argument {} must be str, not {}", function, position,
                               value.is_none() ? "None" : type_name(value)));
}

/// What a method puts in between or around.
std::string filler_of(const Value& self, const Value& value) {
  if (!value.is_string()) raise_type_error(fmt::format("expected a string, not {}", type_name(value)));
  return is_markup(self) ? escaped(value).text() : value.text();
}

template <std::string (*Change)(std::string_view)>
Value changed(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("str method", arguments, {}, 0);
  spend(1 + self.text().size() / 16);
  expect_bytes(self.text().size(), 4);
  return like(self, Change(self.text()));
}

// ---- white space and affixes

enum class Side : std::uint8_t { Left, Right, Both };

template <Side side>
Value stripped(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kNames[] = {"lstrip", "rstrip", "strip"};
  constexpr std::string_view kName = kNames[static_cast<std::size_t>(side)];
  const Parameters given(kName, arguments, {"/chars"}, 0);
  const Value* characters = given.optional(0);
  if (characters != nullptr && !characters->is_string())
    raise_type_error(fmt::format("{} arg must be None or str", kName));
  const std::optional<std::string_view> set =
      characters != nullptr ? std::optional<std::string_view>(characters->text()) : std::nullopt;
  return like(self, std::string(strip(self.text(), set, side != Side::Right, side != Side::Left)));
}

/// Whether the part of `self` between two positions begins or ends with one of the affixes.
template <bool at_start>
Value has_affix(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kName = at_start ? "startswith" : "endswith";
  const Parameters given(kName, arguments, {"/prefix", "/start", "/end"}, 1);
  const auto part = part_of(self, given.optional(1), given.optional(2));
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) {
      raise_type_error(
          fmt::format("{} first arg must be str or a tuple of str, not {}", kName, type_name(affix)));
    }
    if (!part) return false;
    spend(1 + affix.text().size() / 64);
    return at_start ? part->text.starts_with(affix.text()) : part->text.ends_with(affix.text());
  };
  if (!given[0].is(Kind::Tuple)) return matches(given[0]);
  return std::ranges::any_of(given[0].items(), [&](const Value& affix) {
    if (!affix.is_string()) {
      raise_type_error(fmt::format("tuple for {} must only contain str, not {}", kName, type_name(affix)));
    }
    return matches(affix);
  });
}

template <bool is_prefix>
Value without_affix(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kName = is_prefix ? "removeprefix" : "removesuffix";
  const Parameters given(kName, arguments, {"/prefix"}, 1);
  const std::string& affix = text_argument(given[0], kName, 1);
  std::string_view text = self.text();
  if (is_prefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!is_prefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return like(self, std::string(text));
}

// ---- searching

template <bool from_end, bool raises>
Value position_of(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kName = from_end ? (raises ? "rindex" : "rfind") : (raises ? "index" : "find");
  const Parameters given(kName, arguments, {"/sub", "/start", "/end"}, 1);
  if (!given[0].is_string()) raise_type_error(fmt::format("must be str, not {}", type_name(given[0])));
  const auto part = part_of(self, given.optional(1), given.optional(2));
  const std::size_t found = !part      ? std::string_view::npos
                            : from_end ? LastFinder(given[0].text()).find(part->text)
                                       : find_part(part->text, given[0].text());
  if (found == std::string_view::npos) {
    if (raises) raise_value_error("substring not found");
    return -1;
  }
  return part->start + static_cast<std::int64_t>(count_code_points(part->text.substr(0, found)));
}

Value count(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("count", arguments, {"/sub", "/start", "/end"}, 1);
  if (!given[0].is_string()) raise_type_error(fmt::format("must be str, not {}", type_name(given[0])));
  const auto part = part_of(self, given.optional(1), given.optional(2));
  if (!part) return 0;
  const std::string& wanted = given[0].text();
  spend(1 + self.text().size() / 16);
  if (wanted.empty()) return static_cast<std::int64_t>(count_code_points(part->text)) + 1;
  std::int64_t times = 0;
  for (std::size_t at = find_part(part->text, wanted); at != std::string_view::npos;
       at = find_part(part->text, wanted, at + wanted.size()))
    ++times;
  return times;
}

// ---- splitting and joining

Value list_like(const Value& self, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  spend(parts.size());
  for (const std::string_view part : parts) items.push_back(like(self, std::string(part)));
  return Value::list(std::move(items));
}

template <bool from_end>
Value split(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given(from_end ? "rsplit" : "split", arguments, {"sep", "maxsplit"}, 0);
  const std::int64_t most = given.integer(1, -1);
  const Value* separator = given.optional(0);
  spend(1 + self.text().size() / 16);
  if (separator == nullptr)
    return list_like(self,
                     from_end ? split_space_from_end(self.text(), most) : split_space(self.text(), most));
  if (!separator->is_string())
    raise_type_error(fmt::format("must be str or None, not {}", type_name(*separator)));
  if (separator->text().empty()) raise_value_error("empty separator");
  return list_like(self, from_end ? split_at_from_end(self.text(), separator->text(), most)
                                  : split_at(self.text(), separator->text(), most));
}

Value splitlines(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("splitlines", arguments, {"keepends"}, 0);
  spend(1 + self.text().size() / 16);
  return list_like(self, split_lines(self.text(), given.flag(0, false)));
}

template <bool from_end>
Value partition(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given(from_end ? "rpartition" : "partition", arguments, {"/sep"}, 1);
  if (!given[0].is_string()) raise_type_error(fmt::format("must be str, not {}", type_name(given[0])));
  const std::string& separator = given[0].text();
  if (separator.empty()) raise_value_error("empty separator");
  const std::string& text = self.text();
  const std::size_t at = from_end ? LastFinder(separator).find(text) : find_part(text, separator);
  std::array<std::string, 3> parts;
  if (at == std::string::npos) {
    parts[from_end ? 2 : 0] = text;
  } else {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  }
  return Value::tuple(
      {like(self, std::move(parts[0])), like(self, std::move(parts[1])), like(self, std::move(parts[2]))});
}

Value join(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("join", arguments, {"/iterable"}, 1);
  if (!is_iterable(given[0])) raise_type_error("can only join an iterable");
  std::string out;
  std::size_t position = 0;
  for (const Value& item : to_items(given[0])) {
    if (position > 0) out += self.text();
    if (is_markup(self)) {
      out += escaped(item).text();
    } else if (item.is_string()) {
      out += item.text();
    } else {
      raise_type_error(
          fmt::format("sequence item {}: expected str instance, {} found", position, type_name(item)));
    }
    expect_bytes(out.size(), 2);
    spend(1 + (item.is_string() ? item.text().size() / 64 : 0));
    ++position;
  }
  return like(self, std::move(out));
}

Value replace(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("replace", arguments, {"/old", "/new", "/count"}, 2);
  const std::string& old = text_argument(given[0], "replace", 1);
  text_argument(given[1], "replace", 2);
  return like(self, replaced(self.text(), old, filler_of(self, given[1]), given.integer(2, -1)));
}

// ---- width

template <Side side>
Value padded(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  constexpr std::string_view kNames[] = {"rjust", "ljust", "center"};
  const Parameters given(kNames[static_cast<std::size_t>(side)], arguments, {"/width", "/fillchar"}, 1);
  std::string filler = " ";
  if (given.has(1)) {
    filler = filler_of(self, given[1]);
    if (count_code_points(filler) != 1)
      raise_type_error("The fill character must be exactly one character long");
  }
  const std::int64_t width = given.integer(0, 0);
  const auto length = static_cast<std::int64_t>(string_of(self).length);
  if (width <= length) return self;
  const auto missing = static_cast<std::uint64_t>(width - length);
  // Of an odd rest the larger part stands left when the width is odd, as in CPython.
  const std::uint64_t left = side == Side::Left ? missing
                             : side == Side::Right
                                 ? 0
                                 : missing / 2 + (missing & static_cast<std::uint64_t>(width) & 1);
  expect_bytes(missing, filler.size());
  spend(missing / 16);
  std::string out;
  for (std::uint64_t i = 0; i < left; ++i) out += filler;
  out += self.text();
  for (std::uint64_t i = left; i < missing; ++i) out += filler;
  return like(self, std::move(out));
}

Value zfill(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("zfill", arguments, {"/width"}, 1);
  const std::int64_t width = given.integer(0, 0);
  const auto length = static_cast<std::int64_t>(string_of(self).length);
  if (width <= length) return self;
  const auto missing = static_cast<std::size_t>(width - length);
  expect_bytes(missing, 1);
  std::string out = self.text();
  const bool has_sign = out.starts_with('-') || out.starts_with('+');
  out.insert(has_sign ? 1 : 0, missing, '0');
  return like(self, std::move(out));
}

Value expandtabs(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("expandtabs", arguments, {"tabsize"}, 0);
  const std::int64_t size = given.integer(0, 8);
  if (size > 0)
    expect_bytes(static_cast<std::uint64_t>(std::ranges::count(self.text(), '\t')) + 1,
                 static_cast<std::uint64_t>(size));
  std::string out;
  std::int64_t column = 0;
  spend(self.text().size() / 8);
  for (CodePoints points(self.text()); !points.done();) {
    const char32_t c = points.next();
    if (c != '\t') {
      append_code_point(out, c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    } else if (size > 0) {
      const std::int64_t missing = size - column % size;
      out.append(static_cast<std::size_t>(missing), ' ');
      column += missing;
    }
  }
  return like(self, std::move(out));
}

Value translate(Interpreter& /*interpreter*/, const Value& self, const Arguments& arguments) {
  const Parameters given("str.translate", arguments, {"/table"}, 1);
  std::string out;
  spend(self.text().size() / 4);
  for (CodePoints points(self.text()); !points.done();) {
    const char32_t c = points.next();
    const Value found = item_of(given[0], Value(static_cast<std::int64_t>(c)));
    if (found.is_missing()) {
      append_code_point(out, c);
    } else if (found.is_string()) {
      out += found.text();
    } else if (found.is_integer()) {
      const std::int64_t point = found.integer();
      if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        raise_value_error("character mapping must be in range(0x110000)");
      append_code_point(out, static_cast<char32_t>(point));
    } else if (!found.is_none()) {
      raise_type_error("character mapping must return integer, None or str");
    }
    expect_bytes(out.size(), 2);
  }
  return like(self, std::move(out));
}

// ---- values put in

Value format(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  return format_braces(interpreter, self, arguments);
}

Value format_map(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) raise_type_error("format_map() takes no keyword arguments");
  if (arguments.positional.size() != 1) {
    raise_type_error(
        fmt::format("format_map() takes exactly one argument ({} given)", arguments.positional.size()));
  }
  Arguments named;
  if (arguments.positional[0].is_dict()) {
    for (const auto& [key, value] : arguments.positional[0].entries())
      if (key.is_string()) named.named.emplace_back(key.text(), value);
  }
  return format_braces(interpreter, self, named);
}

// ---- Markup's own

Value unescape(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  return unescape_html(self.text());
}
Value striptags(Interpreter& /*interpreter*/, const Value& self, const Arguments& /*arguments*/) {
  return strip_tags(self.text());
}

constexpr std::array<Method, 34> kMethods = {{
    {"capitalize", changed<capitalized>},
    {"casefold", changed<case_folded>},
    {"center", padded<Side::Both>},
    {"count", count},
    {"encode", encode_text},
    {"endswith", has_affix<false>},
    {"expandtabs", expandtabs},
    {"find", position_of<false, false>},
    {"format", format},
    {"format_map", format_map},
    {"index", position_of<false, true>},
    {"join", join},
    {"ljust", padded<Side::Right>},
    {"lower", changed<to_lower>},
    {"lstrip", stripped<Side::Left>},
    {"partition", partition<false>},
    {"removeprefix", without_affix<true>},
    {"removesuffix", without_affix<false>},
    {"replace", replace},
    {"rfind", position_of<true, false>},
    {"rindex", position_of<true, true>},
    {"rjust", padded<Side::Left>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", stripped<Side::Right>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", has_affix<true>},
    {"strip", stripped<Side::Both>},
    {"swapcase", changed<swapped_case>},
    {"title", changed<to_title>},
    {"translate", translate},
    {"upper", changed<to_upper>},
    {"zfill", zfill},
}};
constexpr std::array<Method, 2> kMarkupMethods = {{{"striptags", striptags}, {"unescape", unescape}}};

}  // namespace

std::span<const Method> string_methods() {
  return kMethods;
}
std::span<const Method> markup_methods() {
  return kMarkupMethods;
}

}  // namespace minerva::jinja
