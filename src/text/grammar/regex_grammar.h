// Regular expressions as grammars.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// How a set of characters appears in the output: as they are, or as JSON strings spell them.
using ClassWriter = std::function<ExprId(const CodePointSet&)>;

struct RegexOptions {
  /// The expression may match anywhere in the text unless ^ and $ say otherwise (a schema's `pattern`);
  /// without it, it matches the whole text, and ^ and $ at the ends say nothing new.
  bool search = false;
  ClassWriter write_class;
};

/// Adds what `regex` matches to `builder`. Understood, with the meaning that ECMAScript and PCRE share:
/// characters, `.` (no line end), [...] with ranges, \d \w \s \D \W \S, escapes, groups (also (?:...) and
/// (?<name>...)), |, * + ? {m} {m,} {m,n} (a lazy ? after them changes nothing here), ^ first and $ last.
/// Errors: InvalidRequest that names the part: look-around, backreferences, \b, flags, \p, possessive or
/// atomic parts, anchors inside; beyond the limits.
Result<ExprId> parse_regex(std::string_view regex, const RegexOptions& options, GrammarBuilder& builder);

}  // namespace minerva::grammar
