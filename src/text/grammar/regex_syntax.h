// What a regular expression says, as a tree.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/code_point_set.h"

namespace minerva::grammar {

struct RegexNode {
  enum class Kind : std::uint8_t {
    Class,         // one character of `set`
    Sequence,      // all of `parts`, in order
    Alternatives,  // one of `parts`
    Repeat,        // the one part, `min` to `max` times (kUnbounded)
    Begin,         // ^: nothing stands before
    End,           // $: nothing follows
    Boundary,      // \b, or \B when `negated`
    LookAhead,     // the one part may follow, or may not when `negated`
  };
  Kind kind = Kind::Sequence;
  bool negated = false;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  CodePointSet set = {};
  std::vector<RegexNode> parts = {};
};

/// Understood, with the meaning that ECMAScript and PCRE share: characters, `.` (no line end), [...] with
/// ranges,
/// \d \w \s \D \W \S, \p{...} with a general category, escapes, groups (also (?:...) and (?<name>...)), |, *
/// + ? {m} {m,} {m,n} (a lazy ? after them changes nothing here), ^, $, \b, \B, (?=...) and (?!...).
///
/// Dialects differ on what is white space and a line end. A class is the smaller of the sets that it may be,
/// and with `wide` the larger, for what shall not match.
///
/// Errors: InvalidRequest that names the part: look-behind, backreferences, flags, possessive or atomic
/// parts; beyond the limits.
Result<RegexNode> parse_regex(std::string_view regex, bool wide);

}  // namespace minerva::grammar
