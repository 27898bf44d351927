// The functions that every template knows.
#pragma once

#include <string_view>

#include "text/jinja/object.h"

namespace minerva::jinja {

/// range, dict, lipsum, cycler, joiner, namespace, raise_exception or strftime_now; else Missing.
Value find_global(std::string_view name);

}  // namespace minerva::jinja
