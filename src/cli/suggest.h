// "Did you mean …?"
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace minerva::cli {

/// The candidate that `typed` most probably was meant to be: nearest by edits (insert, delete, replace,
/// swap neighbours), with at most a third of its letters wrong, or one that `typed` begins.
std::optional<std::string> suggest(std::string_view typed, std::span<const std::string> candidates);

/// `text` as a shell reads it back: quoted when it needs to be.
std::string shell_quoted(std::string_view text);

}  // namespace minerva::cli
