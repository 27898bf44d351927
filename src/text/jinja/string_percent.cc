// Python's `%` operator on texts.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/html.h"
#include "text/jinja/number_format.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/string_format.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

class PercentFormat {
 public:
  PercentFormat(const Value& format, const Value& values)
      : format_(format.text()), is_markup_(is_markup(format)), values_(values) {}

  std::string run() {
    std::size_t from = 0;
    for (std::size_t at = format_.find('%'); at != std::string_view::npos; at = format_.find('%', from)) {
      put(format_.substr(from, at - from));
      at_ = at + 1;
      convert();
      from = at_;
    }
    put(format_.substr(from));
    const bool is_mapping = values_.is_dict() || values_.is(Kind::Object) || values_.is(Kind::List);
    const bool all_used = values_.is(Kind::Tuple) ? next_ >= values_.items().size() : next_ > 0 || is_mapping;
    if (!all_used) raise_type_error("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  void put(std::string_view text) {
    out_ += text;
    spend(1 + text.size() / 64);
    expect_bytes(out_.size(), 1);
  }

  char take_char() {
    if (at_ >= format_.size()) raise_value_error("incomplete format");
    return format_[at_++];
  }

  const Value& take_value() {
    if (values_.is(Kind::Tuple)) {
      if (next_ >= values_.items().size()) raise_type_error("not enough arguments for format string");
      return values_.items()[next_++];
    }
    if (next_++ > 0) raise_type_error("not enough arguments for format string");
    return values_;
  }

  /// "(name)": the value is looked up.
  std::optional<Value> take_named() {
    if (at_ >= format_.size() || format_[at_] != '(') return std::nullopt;
    if (!values_.is_dict()) raise_type_error("format requires a mapping");
    int depth = 0;
    const std::size_t start = at_ + 1;
    do {
      if (at_ >= format_.size()) raise_value_error("incomplete format key");
      if (format_[at_] == '(') ++depth;
      if (format_[at_] == ')') --depth;
      ++at_;
    } while (depth > 0);
    const Value key(format_.substr(start, at_ - 1 - start));
    const Value* found = dict_of(values_).find(key);
    if (found == nullptr) raise("KeyError", repr_of_key(key));
    return *found;
  }

  /// A number, or `*` for one of the values.
  std::optional<std::int64_t> take_size() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Value& value = take_value();
      if (!value.is_integer()) raise_type_error("* wants int");
      return value.integer();
    }
    std::optional<std::int64_t> size;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9') {
      size = size.value_or(0) * 10 + (format_[at_++] - '0');
      check_width(*size);
    }
    return size;
  }

  void convert() {
    std::optional<Value> named = take_named();
    std::string flags;
    char type = take_char();
    while (std::string_view("-+ #0").find(type) != std::string_view::npos) {
      flags += type;
      type = take_char();
    }
    --at_;
    std::int64_t width = take_size().value_or(0);
    std::optional<std::int64_t> precision;
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      precision = take_size().value_or(0);
    }
    type = take_char();
    if (type == 'h' || type == 'l' || type == 'L') type = take_char();
    if (type == '%') return put("%");
    if (std::string_view("diuoxXeEfFgGcrsa").find(type) == std::string_view::npos) fail_type();
    const Value value = named ? *named : take_value();
    const auto has = [&](char flag) { return flags.find(flag) != std::string::npos; };
    Alignment alignment;
    alignment.side = has('-') || width < 0 ? '<' : '>';
    alignment.width = std::abs(width);
    if (std::string_view("crsa").find(type) != std::string_view::npos) {
      std::string text = text_of(value, type);
      if (precision && type != 'c')
        text.resize(offset_of(text, static_cast<std::size_t>(std::max<std::int64_t>(*precision, 0))));
      return put(aligned(text, alignment));
    }
    if (has('0') && alignment.side == '>') {
      alignment.side = '=';
      alignment.fill = "0";
    }
    const char sign = has('+') ? '+' : has(' ') ? ' ' : '-';
    put(aligned(digits_of(value, type, precision, has('#')), alignment, sign));
  }

  [[noreturn]] void fail_type() const {
    CodePoints points(format_.substr(at_ - 1));
    const char32_t c = points.next();
    std::string shown = "?";
    if (c >= 0x20 && c < 0x7F) shown = static_cast<char>(c);
    raise_value_error(fmt::format("unsupported format character '{}' (0x{:x}) at index {}", shown,
                                  static_cast<std::uint32_t>(c),
                                  count_code_points(format_.substr(0, at_ - 1))));
  }

  std::string escaped_if_needed(const std::string& text, bool is_safe) const {
    return is_markup_ && !is_safe ? escape_html(text) : text;
  }

  std::string text_of(const Value& value, char type) const {
    if (type == 's') return escaped_if_needed(to_text(value), is_markup(value));
    if (type == 'r') return escaped_if_needed(repr(value), false);
    if (type == 'a') return escaped_if_needed(ascii(repr(value)), false);
    if (value.is_string()) {
      if (string_of(value).length != 1) raise_type_error("%c requires int or char");
      return value.text();
    }
    if (!value.is_integer()) raise_type_error("%c requires int or char");
    const std::int64_t number = value.integer();
    if (number < 0 || number > 0x10FFFF) raise("OverflowError", "%c arg not in range(0x110000)");
    if (number >= 0xD800 && number < 0xE000) raise_value_error("a surrogate is not a character");
    std::string out;
    append_code_point(out, static_cast<char32_t>(number));
    return out;
  }

  static std::string ascii(std::string_view text) {
    std::string out;
    for (CodePoints points(text); !points.done();) {
      const char32_t c = points.next();
      if (c < 0x80) {
        out += static_cast<char>(c);
      } else if (c < 0x100) {
        out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c));
      } else if (c < 0x10000) {
        out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
      } else {
        out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(c));
      }
    }
    return out;
  }

  static Digits digits_of(const Value& value, char type, std::optional<std::int64_t> precision,
                          bool alternate) {
    if (value.is_undefined()) raise_undefined(value);
    if (std::string_view("eEfFgG").find(type) != std::string_view::npos) {
      if (!value.is_number()) raise_type_error(fmt::format("must be real number, not {}", type_name(value)));
      std::int64_t places = precision.value_or(6);
      if ((type == 'g' || type == 'G') && places == 0) places = 1;
      return float_digits(to_real(value), type, places, alternate);
    }
    const bool takes_floats = type == 'd' || type == 'i' || type == 'u';
    if (!value.is_number() || (!takes_floats && value.is(Kind::Float))) {
      raise_type_error(fmt::format("%{} format: {} is required, not {}", type,
                                   takes_floats ? "a real number" : "an integer", type_name(value)));
    }
    const Value number = value.is(Kind::Float) ? truncated(value.real()) : value;
    Digits digits = integer_digits(big_of(number), takes_floats ? 'd' : type, alternate);
    if (precision && static_cast<std::int64_t>(digits.text.size()) < *precision) {
      check_width(*precision);
      digits.text.insert(0, static_cast<std::size_t>(*precision) - digits.text.size(), '0');
    }
    return digits;
  }

  std::string_view format_;
  bool is_markup_;
  const Value& values_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;  ///< of the values
  std::string out_;
};

}  // namespace

Value format_percent(const Value& format, const Value& values) {
  return make_string(PercentFormat(format, values).run(), is_markup(format));
}

}  // namespace minerva::jinja
