// Names of characters for "\N{BULLET}".
#pragma once

#include <string_view>

namespace minerva::jinja {

/// The character of that name, in any case; 0 for one that isn't known. Known are those of Latin, Greek,
/// Cyrillic, punctuation, currencies, arrows, mathematics, boxes, symbols and faces.
char32_t character_named(std::string_view name);

}  // namespace minerva::jinja
