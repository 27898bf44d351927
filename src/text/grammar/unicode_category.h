// The general categories of Unicode, as \p{...} in a regular expression names them.
#pragma once

#include <optional>
#include <string_view>

#include "text/grammar/code_point_set.h"

namespace minerva::grammar {

/// By short or long name ("L", "Letter", "Lu", "Uppercase_Letter"), also after "gc=" or "General_Category=".
/// Nothing for other names. Thread-safe.
std::optional<CodePointSet> unicode_category(std::string_view name);

}  // namespace minerva::grammar
