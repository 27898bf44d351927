// json.dumps().
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/sorting.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    check_stack();
    spend(1);
    switch (value.kind()) {
      case Kind::None:
        out += "null";
        return;
      case Kind::Bool:
        out += value.flag() ? "true" : "false";
        return;
      case Kind::Int:
      case Kind::BigInteger:
        append_text(out, value);
        return;
      case Kind::Float:
        out += number_text(value.real());
        return;
      case Kind::String:
        return write_text(value.text());
      case Kind::List:
      case Kind::Tuple:
        return write_list(value.items());
      case Kind::Dict:
        return write_dict(value.entries());
      default:
        raise_type_error(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

  std::string out;

 private:
  static std::string number_text(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return float_repr(number);
  }

  void write_text(std::string_view text) {
    spend(text.size() / 32);
    expect_bytes(out.size() + text.size(), 2);
    out += '"';
    for (CodePoints points(text); !points.done();) {
      const std::size_t from = points.offset();
      const char32_t c = points.next();
      if (c == '"' || c == '\\') {
        out += '\\';
        out += static_cast<char>(c);
      } else if (c < 0x20 || (c >= 0x7F && style_.ensure_ascii)) {
        write_escape(c);
      } else {
        out += text.substr(from, points.offset() - from);
      }
    }
    out += '"';
  }

  void write_escape(char32_t c) {
    constexpr std::string_view kControls = "\b\f\n\r\t";
    constexpr std::string_view kLetters = "bfnrt";
    const std::size_t letter = c < 0x80 ? kControls.find(static_cast<char>(c)) : std::string_view::npos;
    if (letter != std::string_view::npos) {
      out += '\\';
      out += kLetters[letter];
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
    } else {
      const std::uint32_t rest = static_cast<std::uint32_t>(c) - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U), 0xDC00 + (rest & 0x3FFU));
    }
  }

  void write_separator(std::string_view separator) {
    expect_bytes(out.size() + separator.size(), 2);
    spend(separator.size() / 32);
    out += separator;
  }

  void begin_line() {
    if (!style_.indent) return;
    expect_bytes(level_, style_.indent->size());
    const std::size_t size = level_ * style_.indent->size();
    expect_bytes(out.size() + size, 2);  // a growing text is held twice
    spend(size / 32);
    out += '\n';
    for (std::size_t i = 0; i < level_; ++i) out += *style_.indent;
  }

  /// `write_one(i)` between commas.
  template <class WriteOne>
  void write_all(std::size_t count, char open, char close, WriteOne write_one) {
    out += open;
    if (count == 0) {
      out += close;
      return;
    }
    ++level_;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) write_separator(style_.item_separator);
      begin_line();
      write_one(i);
    }
    --level_;
    begin_line();
    out += close;
  }

  void write_list(const std::vector<Value>& items) {
    write_all(items.size(), '[', ']', [&](std::size_t i) { write(items[i]); });
  }

  static std::string key_text(const Value& key) {
    switch (key.kind()) {
      case Kind::String:
        return key.text();
      case Kind::None:
        return "null";
      case Kind::Bool:
        return key.flag() ? "true" : "false";
      case Kind::Int:
      case Kind::BigInteger:
        return to_text(key);
      case Kind::Float:
        return number_text(key.real());
      default:
        raise_type_error(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
  }

  void write_dict(const std::vector<Pair>& entries) {
    std::vector<const Pair*> ordered;
    ordered.reserve(entries.size());
    for (const Pair& entry : entries) ordered.push_back(&entry);
    if (style_.sort_keys) {
      spend(8 * ordered.size());
      merge_sort(ordered, [](const Pair* a, const Pair* b) { return less(a->first, b->first); });
    }
    write_all(ordered.size(), '{', '}', [&](std::size_t i) {
      write_text(key_text(ordered[i]->first));
      write_separator(style_.key_separator);
      write(ordered[i]->second);
    });
  }

  const JsonStyle& style_;
  std::size_t level_ = 0;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace minerva::jinja
