// JSON schemas as grammars.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/generation.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// Adds a JSON schema (drafts 4 to 2020-12) to `builder` and returns its root rule. Whatever the grammar
/// gives is valid against the schema; it need not give all that is valid:
///
/// - keys come in the order of `properties`; an object with `properties` gets others only where the schema
/// says so;
///   an array gets all of its `prefixItems`;
/// - a schema without `type` stands for the types that its keywords speak of;
/// - numbers within bounds have no exponent and at most 15 digits; white space is little;
/// - unique items of an endless set come in an order: strings by their first characters, integers by size.
///
/// Keywords that JSON Schema does not know and formats that are not checked ask for nothing: see
/// `schema_notes`.
///
/// Errors: InvalidRequest that names the JSON pointer and the keyword of what cannot be honoured, is not
/// valid or is beyond the limits.
Result<RuleId> parse_schema(std::string_view text, GrammarBuilder& builder);

/// The keywords and formats of a schema that ask for nothing, in its order; the first 256. None where it is
/// no schema.
std::vector<ConstraintNote> schema_notes(std::string_view text);

}  // namespace minerva::grammar
