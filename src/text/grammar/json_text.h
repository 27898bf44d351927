// JSON texts as grammars: what a value of any kind looks like when nothing else is said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/automaton.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/regex_grammar.h"

namespace minerva::grammar {

/// Writes JSON with little white space: none, one space, or a new line with an indentation between two parts;
/// none around the whole. Rules that many values share are added once.
class JsonText {
 public:
  explicit JsonText(GrammarBuilder& builder) : b_(builder) {}

  ExprId space();
  /// Any value, object, array, number, integer or string.
  ExprId value();
  ExprId object();
  ExprId array();
  ExprId number();
  ExprId integer();
  /// A string whose value has from `min` to `max` characters.
  ExprId string(std::uint32_t min = 0, std::uint32_t max = kUnbounded);
  /// A string, and its value as a grammar made with `class_writer`.
  ExprId quoted(ExprId value);
  /// The one string, quoted and escaped.
  ExprId literal_string(std::string_view value);
  /// Any key, not empty and without escapes; and the values of such keys.
  ExprId key();
  static Automaton key_values();
  /// The strings whose values the automaton has, each in the one usual spelling; nothing where that takes too
  /// many states.
  std::optional<ExprId> string_of(const Automaton& values);
  /// `open`, the items with commas between them, `close`: from `min` to `max` items after those in `first`.
  ExprId array_of(const std::vector<ExprId>& first, ExprId item, std::uint32_t min, std::uint32_t max);
  ExprId comma();  // with white space after it
  ExprId colon();

  /// How characters are spelled within a string: as they are where JSON lets them, else the one usual escape.
  ClassWriter class_writer();

 private:
  ExprId character();
  template <class Write>
  ExprId shared(std::optional<RuleId>& rule, Write write);

  GrammarBuilder& b_;
  std::optional<RuleId> space_;
  std::optional<RuleId> value_;
  std::optional<RuleId> object_;
  std::optional<RuleId> array_;
  std::optional<RuleId> number_;
  std::optional<RuleId> integer_;
  std::optional<RuleId> string_;
};

}  // namespace minerva::grammar
