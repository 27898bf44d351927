#include "text/jinja/text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/object.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// Elements of a list or dict are written one inside the other.
void append_items(std::string& out, const std::vector<Value>& items) {
  bool is_first = true;
  for (const Value& item : items) {
    if (!is_first) out += ", ";
    is_first = false;
    append_repr(out, item);
  }
}

void append_tuple(std::string& out, const std::vector<Value>& items) {
  out += '(';
  append_items(out, items);
  out += items.size() == 1 ? ",)" : ")";
}

void append_dict(std::string& out, const std::vector<Pair>& entries) {
  out += '{';
  bool is_first = true;
  for (const auto& [key, item] : entries) {
    if (!is_first) out += ", ";
    is_first = false;
    append_repr(out, key);
    out += ": ";
    append_repr(out, item);
  }
  out += '}';
}

}  // namespace

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
  const std::string_view scientific(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const char* digits = scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, end.ptr, exponent);
  if (exponent < -4 || exponent >= 16) {
    return fmt::format("{}e{}{:02d}", scientific.substr(0, e), exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  std::array<char, 64> fixed{};
  const auto fixed_end =
      std::to_chars(fixed.data(), fixed.data() + fixed.size(), number, std::chars_format::fixed);
  std::string text(fixed.data(), fixed_end.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

void append_repr_of_text(std::string& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  for (CodePoints points(text); !points.done();) {
    const std::size_t from = points.offset();
    const char32_t c = points.next();
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(from, points.offset() - from);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(c));
    }
  }
  out += quote;
}

std::string repr_of_text(std::string_view text) {
  std::string out;
  append_repr_of_text(out, text);
  return out;
}

void append_repr(std::string& out, const Value& value) {
  check_stack();
  spend(1);
  switch (value.kind()) {
    case Kind::String:
      spend(value.text().size() / 64);
      expect_bytes(out.size() + value.text().size(), 1);
      if (is_markup(value)) out += "Markup(";
      append_repr_of_text(out, value.text());
      if (is_markup(value)) out += ')';
      return;
    case Kind::List:
      out += '[';
      append_items(out, value.items());
      out += ']';
      return;
    case Kind::Tuple:
      return append_tuple(out, value.items());
    case Kind::Dict:
      return append_dict(out, value.entries());
    case Kind::Undefined:
      out += "Undefined";
      return;
    case Kind::Object:
      return value.object().append_repr(out);
    default:
      return append_text(out, value);
  }
}

void append_text(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::None:
      out += "None";
      return;
    case Kind::Bool:
      out += value.flag() ? "True" : "False";
      return;
    case Kind::Int:
      fmt::format_to(std::back_inserter(out), "{}", value.integer());
      return;
    case Kind::BigInteger: {
      const BigInteger number = big_of(value);
      if (number.is_negative()) out += '-';
      out += number.digits();
      return;
    }
    case Kind::Float:
      out += float_repr(value.real());
      return;
    case Kind::String:
      out += value.text();
      return;
    case Kind::Undefined:
    case Kind::Missing:
      return;
    default:
      return append_repr(out, value);
  }
}

std::string to_text(const Value& value) {
  std::string out;
  append_text(out, value);
  return out;
}

Value to_string_value(const Value& value) {
  return value.is_string() ? value : Value(to_text(value));
}

std::string repr(const Value& value) {
  std::string out;
  append_repr(out, value);
  return out;
}

std::string repr_of_key(const Value& value) {
  constexpr std::size_t kShown = 200;
  if (value.is_string() && string_of(value).length > kShown) {
    const std::string& text = value.text();
    return repr_of_text(std::string_view(text).substr(0, offset_of(text, kShown)));
  }
  return repr(value);
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::None:
      return "NoneType";
    case Kind::Bool:
      return "bool";
    case Kind::Int:
    case Kind::BigInteger:
      return "int";
    case Kind::Float:
      return "float";
    case Kind::String:
      return is_markup(value) ? "Markup" : "str";
    case Kind::List:
      return "list";
    case Kind::Tuple:
      return "tuple";
    case Kind::Dict:
      return "dict";
    case Kind::Undefined:
    case Kind::Missing:
      return "Undefined";
    case Kind::Object:
      break;
  }
  return value.object().type_name();
}

std::string object_type_repr(const Value& value) {
  if (value.is_none()) return "None";
  std::string out;
  if (is_markup(value)) out = "markupsafe.";
  if (value.is_undefined()) out = "jinja2.runtime.";
  if (value.is(Kind::Object) && !value.object().module_name().empty())
    out = std::string(value.object().module_name()) + ".";
  return out + std::string(type_name(value)) + " object";
}

}  // namespace minerva::jinja
