// Functions as values: methods with the object they belong to, and the globals.
#pragma once

#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

using NativeFunction = Value (*)(Interpreter& interpreter, const Value& self, const Arguments& arguments);

/// `self.name` without a call. `name` must outlive it.
Value make_method(const Value& self, std::string_view name, NativeFunction function);
Value make_method(Object& self, std::string_view name, NativeFunction function);
/// A global function or class: what it is when printed is `shown`.
Value make_function(std::string_view shown, NativeFunction function);

}  // namespace minerva::jinja
