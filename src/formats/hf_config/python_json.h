// JSON as Python writes it.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// What Python's json module takes as standard JSON: bare Infinity, -Infinity and NaN become
/// `{"__float__": "..."}`, escapes of lone surrogates that of U+FFFD. The rest stays as it is, valid or not.
/// Nothing when it is nested deeper than `depth_max`.
std::optional<std::string> standard_json(std::string_view text, std::size_t depth_max);

/// Parses the standard_json of `text` without recursion or exceptions. Of equal keys the last counts, as in
/// Python. Errors: ModelLoading, with `file` in the message, when it is no JSON or nested deeper than
/// `depth_max`.
Result<nlohmann::json> parse_python_json(std::string_view text, std::string_view file, std::size_t depth_max);

}  // namespace minerva
