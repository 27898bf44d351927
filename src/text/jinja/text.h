// Values as text: Python's str() and repr(), json.dumps() and pprint.pformat().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace minerva::jinja {

/// str().
std::string to_text(const Value& value);
void append_text(std::string& out, const Value& value);
/// str() as a Value: a string stays what it is (markupsafe's soft_str).
Value to_string_value(const Value& value);

/// repr().
std::string repr(const Value& value);
void append_repr(std::string& out, const Value& value);
void append_repr_of_text(std::string& out, std::string_view text);
std::string repr_of_text(std::string_view text);
/// repr() of a key or a name: no text of more than some hundred characters.
std::string repr_of_key(const Value& value);

/// The shortest digits that read back as `number`, as Python's repr() writes them.
std::string float_repr(double number);

/// Python's type(value).__name__.
std::string_view type_name(const Value& value);
/// jinja2's object_type_repr(): "dict object".
std::string object_type_repr(const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  ///< of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
/// json.dumps().
std::string to_json(const Value& value, const JsonStyle& style);

/// pprint.pformat().
std::string pretty(const Value& value);

}  // namespace minerva::jinja
