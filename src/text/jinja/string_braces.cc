// str.format() and format().
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/html.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/number_format.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/string_format.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

/// [[fill]align][sign][z][#][0][width][grouping][.precision][type]
struct Spec {
  std::string fill = " ";
  char side = '\0';
  char sign = '-';
  bool alternate = false;
  bool has_sign = false;
  std::int64_t width = 0;
  char grouping = '\0';
  std::optional<std::int64_t> precision;
  char type = '\0';
};

bool is_side(char c) {
  return c == '<' || c == '>' || c == '=' || c == '^';
}

std::optional<std::int64_t> read_number(std::string_view& text) {
  std::optional<std::int64_t> number;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = number.value_or(0) * 10 + (text[0] - '0');
    check_width(*number);
    text.remove_prefix(1);
  }
  return number;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

Spec parse_spec(std::string_view text, std::string_view type) {
  Spec spec;
  const std::string_view all = text;
  const std::size_t first = text.empty() ? 0 : offset_of(text, 1);
  if (first < text.size() && is_side(text[first])) {
    spec.fill = text.substr(0, first);
    spec.side = text[first];
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_side(text[0])) {
    spec.side = text[0];
    text.remove_prefix(1);
  }
  if (!text.empty() && (text[0] == '+' || text[0] == '-' || text[0] == ' ')) {
    spec.sign = text[0];
    spec.has_sign = true;
    text.remove_prefix(1);
  }
  skip(text, 'z');
  spec.alternate = skip(text, '#');
  if (skip(text, '0') && spec.side == '\0') {
    spec.fill = "0";
    spec.side = '=';
  }
  spec.width = read_number(text).value_or(0);
  if (!text.empty() && (text[0] == ',' || text[0] == '_')) {
    spec.grouping = text[0];
    text.remove_prefix(1);
  }
  if (skip(text, '.')) {
    spec.precision = read_number(text);
    if (!spec.precision) raise_value_error("Format specifier missing precision");
  }
  if (text.size() > 1)
    raise_value_error(fmt::format("Invalid format specifier '{}' for object of type '{}'", all, type));
  if (!text.empty()) spec.type = text[0];
  return spec;
}

[[noreturn]] void fail_type(char code, const Value& value) {
  raise_value_error(fmt::format("Unknown format code '{}' for object of type '{}'", code, type_name(value)));
}

std::string format_text(const Value& value, std::string text, const Spec& spec) {
  if (spec.type != '\0' && spec.type != 's') fail_type(spec.type, value);
  if (spec.has_sign) raise_value_error("Sign not allowed in string format specifier");
  if (spec.alternate) raise_value_error("Alternate form (#) not allowed in string format specifier");
  // A zero before the width means a fill, at the right as texts have it.
  if (spec.side == '=' && spec.fill != "0")
    raise_value_error("'=' alignment not allowed in string format specifier");
  if (spec.grouping != '\0') raise_value_error(fmt::format("Cannot specify '{}' with 's'.", spec.grouping));
  if (spec.precision) text.resize(offset_of(text, static_cast<std::size_t>(*spec.precision)));
  const char side = spec.side == '\0' || spec.side == '=' ? '<' : spec.side;
  return aligned(text, {.fill = spec.fill, .side = side, .width = spec.width});
}

Alignment number_alignment(const Spec& spec) {
  return {.fill = spec.fill, .side = spec.side == '\0' ? '>' : spec.side, .width = spec.width};
}

/// Without the zeros at the end of a mantissa.
void strip_zeros(std::string& text) {
  const std::size_t e = std::min(text.find('e'), text.size());
  if (text.substr(0, e).find('.') == std::string::npos) return;
  std::size_t end = e;
  while (text[end - 1] == '0') --end;
  if (text[end - 1] == '.') --end;
  text.erase(end, e - end);
}

std::string format_float(const Value& value, const Spec& spec) {
  const double number = to_real(value);
  const char type = spec.type == 'n' ? 'g' : spec.type;
  Digits digits;
  if (type == '\0') {
    if (spec.precision) {
      digits = float_digits(number, 'g', std::max<std::int64_t>(*spec.precision, 1), spec.alternate);
      // Without a type a float keeps a digit behind its point, and has an exponent from its precision on.
      const std::int64_t exponent =
          number == 0 ? 0 : static_cast<std::int64_t>(std::floor(std::log10(std::fabs(number))));
      if (std::isfinite(number) && digits.text.find_first_of(".e") == std::string::npos) {
        if (exponent + 1 >= *spec.precision) {
          digits = float_digits(number, 'e', std::max<std::int64_t>(*spec.precision - 1, 0), false);
          strip_zeros(digits.text);
        } else {
          digits.text += ".0";
        }
      }
    } else {
      digits.is_negative = std::signbit(number) && !std::isnan(number);
      digits.text = float_repr(std::fabs(number));
    }
  } else {
    if (std::string_view("eEfFgG%").find(type) == std::string_view::npos) fail_type(type, value);
    std::int64_t precision = spec.precision.value_or(6);
    if ((type == 'g' || type == 'G') && precision == 0) precision = 1;
    digits = float_digits(number, type, precision, spec.alternate);
  }
  return aligned(digits, number_alignment(spec), spec.sign, spec.grouping);
}

std::string format_integer(const Value& value, const Spec& spec) {
  if (std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type != '\0')
    return format_float(value, spec);
  if (spec.precision) raise_value_error("Precision not allowed in integer format specifier");
  const char type = spec.type == '\0' || spec.type == 'n' ? 'd' : spec.type;
  if (type == 'c') {
    const std::int64_t number = integer_argument(value);
    if (number < 0 || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000))
      raise("OverflowError", "%c arg not in range(0x110000)");
    std::string text;
    append_code_point(text, static_cast<char32_t>(number));
    return aligned(text,
                   {.fill = spec.fill, .side = spec.side == '\0' ? '<' : spec.side, .width = spec.width});
  }
  if (std::string_view("dboxX").find(type) == std::string_view::npos) fail_type(type, value);
  return aligned(integer_digits(big_of(value), type, spec.alternate), number_alignment(spec), spec.sign,
                 spec.grouping, type == 'd' ? 3 : 4);
}

class BraceFormat {
 public:
  BraceFormat(Interpreter& interpreter, const Value& format, const Arguments& arguments)
      : interpreter_(interpreter), is_markup_(is_markup(format)), arguments_(arguments) {}

  std::string expand(std::string_view format, int depth) {
    if (depth > 2) raise_value_error("Max string recursion exceeded");
    std::string out;
    for (std::size_t i = 0; i < format.size();) {
      const char c = format[i++];
      const bool is_doubled = i < format.size() && format[i] == c;
      if (c != '{' && c != '}') {
        out += c;
      } else if (is_doubled) {
        out += c;
        ++i;
      } else if (c == '}') {
        raise_value_error("Single '}' encountered in format string");
      } else {
        const std::size_t end = field_end(format, i);
        out += field(format.substr(i, end - i), depth);
        i = end + 1;
        spend(1);
        expect_bytes(out.size(), 2);
      }
    }
    spend(out.size() / 32);
    return out;
  }

 private:
  static std::size_t field_end(std::string_view format, std::size_t from) {
    if (from >= format.size()) raise_value_error("Single '{' encountered in format string");
    int depth = 1;
    for (std::size_t i = from; i < format.size(); ++i) {
      if (format[i] == '[') {
        // Brackets may hold braces.
        const std::size_t close = format.find(']', i);
        if (close == std::string_view::npos) break;
        i = close;
        continue;
      }
      if (format[i] == '{') ++depth;
      if (format[i] == '}' && --depth == 0) return i;
    }
    raise_value_error("expected '}' before end of string");
  }

  /// name[!conversion][:spec]
  std::string field(std::string_view text, int depth) {
    std::size_t name_end = 0;
    while (name_end < text.size() && text[name_end] != '!' && text[name_end] != ':') {
      if (text[name_end] == '[') {
        const std::size_t close = text.find(']', name_end);
        if (close == std::string_view::npos) raise_value_error("Missing ']' in format string");
        name_end = close;
      }
      ++name_end;
    }
    const std::string_view name = text.substr(0, name_end);
    std::string_view rest = text.substr(name_end);
    Value value = look_up(name);
    if (skip(rest, '!')) {
      if (rest.empty()) raise_value_error("end of string while looking for conversion specifier");
      value = converted(value, rest[0]);
      rest.remove_prefix(1);
      if (!rest.empty() && rest[0] != ':') raise_value_error("expected ':' after conversion specifier");
    }
    const std::string spec = skip(rest, ':') ? expand(rest, depth + 1) : std::string();
    if (!is_markup_) return format_value(value, spec);
    if (is_markup(value)) {
      if (!spec.empty()) raise_value_error("Unsupported format specification for Markup.");
      return value.text();
    }
    return escape_html(format_value(value, spec));
  }

  static Value converted(const Value& value, char conversion) {
    switch (conversion) {
      case 's':
        return to_text(value);
      case 'r':
      case 'a':
        return Value(conversion == 'r' ? repr(value)
                                       : format_percent(Value("%a"), Value::tuple({value})).text());
      default:
        raise_value_error(fmt::format("Unknown conversion specifier {}", conversion));
    }
  }

  static bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  }

  Value look_up(std::string_view name) {
    std::size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = first_value(name.substr(0, end));
    while (end < name.size()) {
      if (name[end] == '.') {
        const std::size_t next = std::min(name.find_first_of(".[", end + 1), name.size());
        const std::string_view part = name.substr(end + 1, next - end - 1);
        if (part.empty()) raise_value_error("Empty attribute in format string");
        value = interpreter_.get_attribute(value, Value(part));
        end = next;
      } else {
        const std::size_t close = name.find(']', end);
        if (close == std::string_view::npos) raise_value_error("Missing ']' in format string");
        const std::string_view part = name.substr(end + 1, close - end - 1);
        if (part.empty()) raise_value_error("Empty attribute in format string");
        value = interpreter_.get_item(
            value, is_number(part) && part.size() < 18 ? *parse_integer(part, 10) : Value(part));
        end = close + 1;
        if (end < name.size() && name[end] != '.' && name[end] != '[')
          raise_value_error("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Value first_value(std::string_view name) {
    std::int64_t index = -1;
    if (name.empty()) {
      if (numbering_ == Numbering::Manual)
        raise_value_error("cannot switch from manual field specification to automatic field numbering");
      numbering_ = Numbering::Automatic;
      index = next_++;
    } else if (is_number(name) && name.size() < 18) {
      if (numbering_ == Numbering::Automatic)
        raise_value_error("cannot switch from manual field specification to automatic field numbering");
      numbering_ = Numbering::Manual;
      index = parse_integer(name, 10)->integer();
    }
    if (index >= 0) {
      if (static_cast<std::size_t>(index) >= arguments_.positional.size())
        raise("IndexError", "tuple index out of range");
      return arguments_.positional[static_cast<std::size_t>(index)];
    }
    for (const auto& [key, value] : arguments_.named)
      if (key == name) return value;
    raise("KeyError", repr_of_text(name));
  }

  enum class Numbering { Unknown, Automatic, Manual };
  Interpreter& interpreter_;
  bool is_markup_;
  const Arguments& arguments_;
  Numbering numbering_ = Numbering::Unknown;
  std::int64_t next_ = 0;
};

}  // namespace

std::string format_value(const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return to_text(value);
  switch (value.kind()) {
    case Kind::String:
      return format_text(value, value.text(), parse_spec(spec_text, type_name(value)));
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInteger:
      return format_integer(value, parse_spec(spec_text, type_name(value)));
    case Kind::Float:
      return format_float(value, parse_spec(spec_text, type_name(value)));
    default:
      raise_type_error(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  }
}

Value format_braces(Interpreter& interpreter, const Value& format, const Arguments& arguments) {
  return make_string(BraceFormat(interpreter, format, arguments).expand(format.text(), 0), is_markup(format));
}

}  // namespace minerva::jinja
