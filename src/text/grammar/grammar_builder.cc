#include "text/grammar/grammar_builder.h"

#include "base/limits.h"

namespace minerva::grammar {

GrammarBuilder::GrammarBuilder(std::stop_token stop)
    : stop_(std::move(stop)), exprs_{{.kind = Kind::Nothing}, {.kind = Kind::Empty}} {}

ExprId GrammarBuilder::add(Expr expr) {
  bytes_ += expr.text.size() + expr.parts.size() * 4 + expr.set.ranges().size() * 12;
  if (exprs_.size() >= limits::kGrammarExpressionCountMax || bytes_ > limits::kGrammarExpressionBytesMax)
    full_ = true;
  if (full()) return nothing();
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId GrammarBuilder::literal(std::string_view utf8) {
  return utf8.empty() ? empty() : add({.kind = Kind::Literal, .text = std::string(utf8)});
}

ExprId GrammarBuilder::one_of(const CodePointSet& set) {
  return set.empty() ? nothing() : add({.kind = Kind::Class, .set = set});
}

ExprId GrammarBuilder::sequence(const std::vector<ExprId>& parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts) {
    if (part == nothing()) return nothing();
    if (part != empty()) kept.push_back(part);
  }
  if (kept.empty()) return empty();
  return kept.size() == 1 ? kept.front() : add({.kind = Kind::Sequence, .parts = std::move(kept)});
}

ExprId GrammarBuilder::alternatives(const std::vector<ExprId>& parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts)
    if (part != nothing()) kept.push_back(part);
  if (kept.empty()) return nothing();
  return kept.size() == 1 ? kept.front() : add({.kind = Kind::Alternatives, .parts = std::move(kept)});
}

ExprId GrammarBuilder::repeat(ExprId part, std::uint32_t min, std::uint32_t max) {
  if (max == 0 || part == empty()) return empty();
  if (part == nothing()) return min == 0 ? empty() : nothing();
  if (min > max) return nothing();
  if (min == 1 && max == 1) return part;
  // (x?){3,9} is x{0,9}: an optional part can be left out at each place.
  if (const Expr inner = exprs_[part]; inner.kind == Kind::Repeat && inner.min == 0) {
    const bool ends = max != kUnbounded && inner.max != kUnbounded;
    const std::uint64_t most = ends ? std::uint64_t{max} * inner.max : kUnbounded;
    if (!ends || most <= limits::kGrammarRepeatMax)
      return repeat(inner.parts.front(), 0, static_cast<std::uint32_t>(most));
  }
  return add({.kind = Kind::Repeat, .min = min, .max = max, .parts = {part}});
}

ExprId GrammarBuilder::rule(RuleId rule) {
  return add({.kind = Kind::Rule, .rule = rule});
}

RuleId GrammarBuilder::add_rule() {
  if (rules_.size() >= limits::kGrammarRuleCountMax) {
    full_ = true;
    return 0;
  }
  rules_.push_back(nothing());
  return static_cast<RuleId>(rules_.size() - 1);
}

ExprId GrammarBuilder::automaton(const Automaton& automaton) {
  if (automaton.states.empty()) return nothing();
  std::vector<RuleId> rules(automaton.states.size());
  for (RuleId& rule : rules) rule = add_rule();
  if (full()) return nothing();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& state = automaton.states[i];
    std::vector<ExprId> ways;
    if (state.accepting) ways.push_back(empty());
    for (const auto& [label, target] : state.edges) ways.push_back(sequence({label, rule(rules[target])}));
    define(rules[i], alternatives(ways));
  }
  return rule(rules.front());
}

}  // namespace minerva::grammar
