// Filters for HTML and URLs.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/call_arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/html.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/strings.h"
#include "text/jinja/text.h"
#include "text/jinja/urlize.h"

namespace minerva::jinja {
namespace {

Value escape(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("escape", arguments, {}, 0);
  return escaped(input);
}
Value force_escape(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_forceescape", arguments, {}, 0);
  return markup(escape_html(to_text(input)));
}
Value safe(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_mark_safe", arguments, {}, 0);
  return is_markup(input) ? input : markup(to_text(input));
}
Value striptags(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_striptags", arguments, {}, 0);
  return strip_tags(to_text(input));
}

/// urllib's quote(): all but letters, digits and "_.-~" as %XX.
std::string quoted(const Value& value, bool in_query) {
  const std::string text = to_text(value);
  spend(text.size() / 16);
  expect_bytes(text.size(), 3);
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !in_query);
    if (is_plain) {
      out += c;
    } else if (c == ' ' && in_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value urlencode(Interpreter& /*interpreter*/, const Value& input, const Arguments& arguments) {
  const Parameters given("do_urlencode", arguments, {}, 0);
  if (input.is_string() || !is_iterable(input)) return quoted(input, false);
  std::string out;
  const auto add = [&](const Value& key, const Value& value) {
    if (!out.empty()) out += '&';
    out += quoted(key, true) + "=" + quoted(value, true);
    expect_bytes(out.size(), 1);
  };
  if (input.is_dict()) {
    for (const auto& [key, value] : input.entries()) add(key, value);
    return out;
  }
  for (const Value& pair : to_items(input)) {
    if (!is_iterable(pair))
      raise_type_error(fmt::format("cannot unpack non-iterable {} object", type_name(pair)));
    const std::vector<Value> parts = to_items(pair);
    if (parts.size() < 2)
      raise_value_error(fmt::format("not enough values to unpack (expected 2, got {})", parts.size()));
    if (parts.size() > 2) raise_value_error("too many values to unpack (expected 2)");
    add(parts[0], parts[1]);
  }
  return out;
}

Value xmlattr(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_xmlattr", arguments, {"autospace"}, 0);
  if (input.is_undefined()) raise_undefined(input);
  if (!input.is_dict())
    raise("AttributeError", fmt::format("'{}' object has no attribute 'items'", type_name(input)));
  std::string out;
  for (const auto& [key, value] : input.entries()) {
    if (value.is_none() || value.is_undefined()) continue;
    if (!key.is_string())
      raise_type_error(fmt::format("expected string or bytes-like object, got '{}'", type_name(key)));
    if (key.text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      raise_value_error(fmt::format("Invalid character in attribute name: {}", repr_of_key(key)));
    if (!out.empty()) out += ' ';
    out += escaped(key).text() + "=\"" + escaped(value).text() + "\"";
    expect_bytes(out.size(), 1);
  }
  if (!out.empty() && given.flag(0, true)) out.insert(0, 1, ' ');
  return make_string(std::move(out), interpreter.autoescape());
}

std::vector<std::string> words_of(const Value& value) {
  std::vector<std::string> words;
  for (const std::string_view word : split_space(value.text(), -1)) words.emplace_back(word);
  return words;
}

Value urlize(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Parameters given("do_urlize", arguments,
                         {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"}, 0);
  LinkStyle style;
  if (given.optional(0) != nullptr) style.shown_max = given.integer(0, 0);
  std::vector<std::string> rel = {"noopener"};
  if (const Value* more = given.optional(3); more != nullptr && more->is_string()) {
    for (std::string& word : words_of(*more)) rel.push_back(std::move(word));
  }
  if (given.flag(1, false)) rel.emplace_back("nofollow");
  std::ranges::sort(rel);
  rel.erase(std::ranges::unique(rel).begin(), rel.end());
  for (const std::string& word : rel) style.rel += (style.rel.empty() ? "" : " ") + word;
  if (const Value* target = given.optional(2)) style.target = to_text(*target);
  if (const Value* schemes = given.optional(4))
    for (const Value& scheme : to_items(*schemes)) style.schemes.push_back(checked_scheme(to_text(scheme)));
  return make_string(with_links(escaped(input).text(), style), interpreter.autoescape());
}

constexpr std::array<FilterEntry, 8> kFilters = {{
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"safe", safe},
    {"striptags", striptags},
    {"urlencode", urlencode},
    {"urlize", urlize},
    {"xmlattr", xmlattr},
}};

}  // namespace

std::span<const FilterEntry> html_filters() {
  return kFilters;
}

}  // namespace minerva::jinja
