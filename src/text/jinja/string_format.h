// Texts with values put into them: Python's `%` operator and str.format().
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

/// `format % values`.
Value format_percent(const Value& format, const Value& values);
/// `format.format(*positional, **named)`, whose fields are looked up as the sandbox does.
Value format_braces(Interpreter& interpreter, const Value& format, const Arguments& arguments);
/// format(value, spec).
std::string format_value(const Value& value, std::string_view spec);

}  // namespace minerva::jinja
