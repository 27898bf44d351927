// Methods and attributes of Python's types, as the immutable sandbox lets templates reach them.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

struct Method {
  std::string_view name;
  Value (*call)(Interpreter& interpreter, const Value& self, const Arguments& arguments);
};

/// The method of a str, list, tuple, dict, int or float; null where there is none or it isn't safe.
const Method* find_method(const Value& object, std::string_view name);

/// The attribute: a bound method, a number's part, an object's own; Undefined when the sandbox refuses it;
/// Missing where there is none. Raises for Undefined.
Value attribute_of(const Value& object, std::string_view name);
/// Whether there is an attribute of this name.
bool has_attribute(const Value& object, std::string_view name);

// By type; each in the file of its name.
std::span<const Method> string_methods();
std::span<const Method> markup_methods();
std::span<const Method> string_test_methods();
std::span<const Method> list_methods();
std::span<const Method> tuple_methods();
std::span<const Method> dict_methods();
std::span<const Method> integer_methods();
std::span<const Method> float_methods();

}  // namespace minerva::jinja
