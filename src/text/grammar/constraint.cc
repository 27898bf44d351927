#include "text/grammar/constraint.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "base/limits.h"
#include "text/grammar/ebnf.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/json_text.h"
#include "text/grammar/regex_grammar.h"
#include "text/grammar/schema.h"
#include "text/utf8.h"

namespace minerva::grammar {
namespace {

Result<RuleId> choice_grammar(const std::vector<std::string>& choices, GrammarBuilder& builder) {
  if (choices.empty()) return invalid_request("there are no choices", "Give at least one.");
  std::size_t bytes = 0;
  std::vector<ExprId> alternatives;
  for (const std::string& choice : choices) {
    bytes += choice.size();
    if (choice.empty()) return invalid_request("a choice is empty", "Leave it out, or give it some text.");
    if (!is_valid_utf8(choice)) return invalid_request("a choice is not valid UTF-8", "Give it as UTF-8.");
    alternatives.push_back(builder.literal(choice));
  }
  if (choices.size() > limits::kChoiceCountMax || bytes > limits::kChoiceBytesMax) {
    return invalid_request(
        fmt::format("there are {} choices with {} bytes; at most {} with {} bytes are taken", choices.size(),
                    bytes, limits::kChoiceCountMax, limits::kChoiceBytesMax),
        "Give fewer or shorter choices.");
  }
  const RuleId root = builder.add_rule();
  builder.define(root, builder.alternatives(alternatives));
  return root;
}

Result<RuleId> regex_grammar(std::string_view text, GrammarBuilder& builder) {
  MINERVA_ASSIGN(const RegexNode regex, parse_regex(text, /*wide=*/false));
  const auto written = regex_expr(
      regex, RegexScope::Whole, [&](const CodePointSet& set) { return builder.one_of(set); }, builder);
  ExprId body = written.value_or(builder.nothing());
  if (!written) {
    MINERVA_ASSIGN(const Automaton automaton, regex_automaton(regex, RegexScope::Whole));
    body = automaton_expr(automaton, builder);
  }
  const RuleId root = builder.add_rule();
  builder.define(root, body);
  return root;
}

Result<RuleId> json_object_grammar(GrammarBuilder& builder) {
  JsonText json(builder);
  const RuleId root = builder.add_rule();
  builder.define(root, json.object());
  return root;
}

}  // namespace

std::vector<ConstraintNote> constraint_notes(const OutputConstraint& constraint) {
  if (constraint.kind != OutputConstraint::Kind::JsonSchema) return {};
  return schema_notes(constraint.text);
}

Result<RuleId> constraint_grammar(const OutputConstraint& constraint, GrammarBuilder& builder) {
  using enum OutputConstraint::Kind;
  switch (constraint.kind) {
    case None:
      break;
    case Choice:
      return choice_grammar(constraint.choices, builder);
    case Grammar:
      return parse_ebnf(constraint.text, builder);
    case Regex:
      return regex_grammar(constraint.text, builder);
    case JsonObject:
      return json_object_grammar(builder);
    case JsonSchema:
      return parse_schema(constraint.text, builder);
  }
  return internal_error("there is no constraint to compile");
}

}  // namespace minerva::grammar
