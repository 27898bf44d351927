// The formats of strings that a schema may ask for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace minerva::grammar {

/// The regular expression whose whole matches are the values; nothing for a format that is not known.
std::optional<std::string_view> format_regex(std::string_view name);
/// All names, with commas.
std::string format_names();

}  // namespace minerva::grammar
