// JSON schemas as grammars.
#pragma once

#include <string_view>

#include "base/error.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// Adds a JSON schema (drafts 7 and 2020-12) to `builder` and returns its root rule. Whatever the grammar
/// gives is valid against the schema; it need not give all that is valid:
///
/// - keys come in the order of `properties`; an object with `properties` gets others only where
///   `additionalProperties` says so; an array gets all of its `prefixItems`;
/// - a schema without `type` stands for the types that its keywords speak of;
/// - numbers within bounds have no exponent and at most 15 digits; white space is little.
///
/// Errors: InvalidRequest that names the JSON pointer and the keyword of what cannot be honoured, is not
/// valid or is beyond the limits. Annotations (title, description, default, examples, x-..., $comment ...)
/// are skipped.
Result<RuleId> parse_schema(std::string_view text, GrammarBuilder& builder);

}  // namespace minerva::grammar
