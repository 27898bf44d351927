#include <algorithm>
#include <string>
#include <string_view>

#include "cli/flags.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

// A schema begins with a brace (or is true or false), a grammar has a rule; a file's name does neither.
bool is_schema(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.starts_with('{') || text == "true" || text == "false";
}
bool is_grammar(std::string_view text) {
  return text.contains("::=");
}

}  // namespace

std::string_view constraint_name(const ConstraintFlags& flags) noexcept {
  return flags.json_object        ? "--json-object"
         : flags.json_schema      ? "--json-schema"
         : flags.regex            ? "--regex"
         : flags.grammar          ? "--grammar"
         : !flags.choices.empty() ? "--choice"
                                  : "";
}

Result<OutputConstraint> read_constraint(const ConstraintFlags& flags) {
  using enum OutputConstraint::Kind;
  if (flags.json_object) return OutputConstraint{.kind = JsonObject};
  if (flags.regex) return OutputConstraint{.kind = Regex, .text = *flags.regex};
  if (!flags.choices.empty()) return OutputConstraint{.kind = Choice, .choices = flags.choices};
  OutputConstraint constraint;
  if (flags.json_schema) {
    constraint = {.kind = JsonSchema, .text = *flags.json_schema};
    if (is_schema(constraint.text)) return constraint;
  } else if (flags.grammar) {
    constraint = {.kind = Grammar, .text = *flags.grammar};
    if (is_grammar(constraint.text)) return constraint;
  } else {
    return constraint;
  }
  MINERVA_ASSIGN(constraint.text, read_text_file(constraint.text));
  return constraint;
}

}  // namespace minerva::cli
