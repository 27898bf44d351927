// From an OutputConstraint to a grammar.
#pragma once

#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// Adds the constraint to `builder` and returns its root rule. Errors: InvalidRequest: not valid, a part that
/// cannot be honoured (named), or beyond the limits.
Result<RuleId> constraint_grammar(const OutputConstraint& constraint, GrammarBuilder& builder);

/// What a schema has that asks for nothing; nothing for other kinds, or where it is no schema.
std::vector<ConstraintNote> constraint_notes(const OutputConstraint& constraint);

}  // namespace minerva::grammar
