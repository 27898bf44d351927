// Character classes of a regular expression, from Oniguruma's syntax to PCRE2's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::tokenizers {

/// A set of characters: the union of `items` and `members`, intersected with all of `others`, then negated.
struct CharacterSet {
  std::string items;  ///< what stands between brackets in PCRE2
  std::vector<CharacterSet> members;
  std::vector<CharacterSet> others;
  bool negated = false;
};

/// The set as a PCRE2 expression that matches one character.
std::string to_expression(const CharacterSet& set);

/// `\d`, `\s`, `\w`, `\h` (hexadecimal digits) and their capitals. Nothing for other letters. In a class `\w`
/// lacks the raised digits and fractions of Latin-1: Oniguruma looks them up elsewhere.
std::optional<CharacterSet> shorthand_set(char letter, bool in_class);

/// `\p{name}`: a general category, a script or a POSIX name, spelled loosely; "^name" negates. Errors:
/// ModelLoading for a name that isn't made of letters and digits.
Result<CharacterSet> property_set(std::string_view name, bool negated);

/// The character, written so that PCRE2 takes it literally, in a class or out of it.
std::string literal_character(char32_t c);

/// The class that begins with "[" at `position`, which moves behind the "]". Errors: ModelLoading.
Result<CharacterSet> parse_class(std::string_view pattern, std::size_t& position, int depth = 0);

/// The code point of an escape such as \n, \t, \xHH, \x{H}, \uHHHH, or of an escaped sign; `position` is at
/// the backslash and moves behind it all. Nothing, and no move, for escapes that are no single character.
std::optional<char32_t> parse_character_escape(std::string_view pattern, std::size_t& position);

/// The name in `{name}` at `position`, which moves behind it.
std::optional<std::string_view> parse_braced(std::string_view pattern, std::size_t& position);

}  // namespace minerva::tokenizers
