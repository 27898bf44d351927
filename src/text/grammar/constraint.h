// From an OutputConstraint to a grammar.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"

namespace minerva::grammar {

/// The constraint as a grammar in XGrammar's EBNF, with the rule `root`. Errors: InvalidRequest: not valid, a
/// part that cannot be honoured (named), no text that fits, or beyond the limits.
Result<std::string> constraint_grammar(const OutputConstraint& constraint);

/// What a schema has that asks for nothing; nothing for other kinds, or where it is no schema.
std::vector<ConstraintNote> constraint_notes(const OutputConstraint& constraint);

}  // namespace minerva::grammar
