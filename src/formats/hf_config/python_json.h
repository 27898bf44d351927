// JSON as Python writes it.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace minerva {

/// Parses `text` without recursion or exceptions. Bare Infinity, -Infinity and NaN become
/// `{"__float__": "..."}`. Of equal keys the last counts, as in Python. Errors: ModelLoading, with `file` in
/// the message, when it is no JSON or nested deeper than `depth_max`.
Result<nlohmann::json> parse_python_json(std::string_view text, std::string_view file, std::size_t depth_max);

}  // namespace minerva
