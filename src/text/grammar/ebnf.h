// Grammars that people write: EBNF as GBNF and the W3C spell it.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// Adds `text`'s rules to `builder` and returns the rule `root`.
///
///     name ::= alternatives            a name: letters, digits, - _ . ; the next rule begins at the next
///     name ::= a b   a | b   (a)                an alternative may be empty, as in GBNF a? a* a+ a{3} a{3,}
///     a{3,5} a{,5} "text" 'text' [a-z_] [^"] .      escapes: \n \r \t \\ \" \' \] \[ \- \^ \/ \xHH \uHHHH
///     \UHHHHHHHH # to the end of the line         a comment; also (* *) is not one
///
/// Errors: InvalidRequest with line and column: syntax, unknown or twice defined rules, no `root`, beyond the
/// limits.
Result<RuleId> parse_ebnf(std::string_view text, GrammarBuilder& builder);

}  // namespace minerva::grammar
