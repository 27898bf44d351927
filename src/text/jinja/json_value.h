// JSON texts from users as values of a template.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/jinja/value.h"

namespace minerva::jinja {

/// As Python's json.loads makes it of `text`, without NaN and Infinity: objects keep the order of their keys.
/// Errors: InvalidRequest that calls it `what` ("the tools"): it is no JSON, too long, nested too deeply, or
/// holds a number beyond 10^308.
Result<Value> json_value(std::string_view text, std::string_view what);

}  // namespace minerva::jinja
