// A context-free grammar over Unicode text: what every kind of constraint becomes before it is compiled for a
// vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/code_point_set.h"

namespace minerva::grammar {

using ExprId = std::uint32_t;
using RuleId = std::uint32_t;
inline constexpr std::uint32_t kUnbounded = 0xFFFFFFFF;  // of a repetition

/// Builds a grammar bottom up. An expression belongs to its builder and may be used many times. What can
/// match no text disappears where it is used. Not thread-safe.
class GrammarBuilder {
 public:
  enum class Kind : std::uint8_t { Nothing, Empty, Literal, Class, Sequence, Alternatives, Repeat, Rule };
  struct Expr {
    Kind kind = Kind::Empty;
    std::uint32_t min = 0;  // Repeat
    std::uint32_t max = 0;
    RuleId rule = 0;                 // Rule
    std::string text = {};           // Literal: valid UTF-8, not empty
    CodePointSet set = {};           // Class: not empty
    std::vector<ExprId> parts = {};  // Sequence, Alternatives: two or more; Repeat: one
  };

  struct Rule {
    ExprId body = 0;
    std::uint32_t characters_max = kUnbounded;
  };

  GrammarBuilder();

  ExprId nothing() const noexcept { return 0; }  ///< matches no text at all
  ExprId empty() const noexcept { return 1; }    ///< matches the empty text
  ExprId literal(std::string_view utf8);
  ExprId one_of(const CodePointSet& set);
  ExprId sequence(const std::vector<ExprId>& parts);
  ExprId alternatives(const std::vector<ExprId>& parts);
  ExprId repeat(ExprId part, std::uint32_t min, std::uint32_t max = kUnbounded);
  ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  ExprId rule(RuleId rule);

  /// A rule may be used before it is defined; until then it matches nothing.
  RuleId add_rule();
  /// `characters_max`: how many characters (code points) one occurrence may have. Where the body cannot end
  /// there, it ends as soon as it can.
  void define(RuleId rule, ExprId body, std::uint32_t characters_max = kUnbounded);

  const Expr& at(ExprId id) const { return exprs_[id]; }
  std::size_t rule_count() const noexcept { return rules_.size(); }
  /// Whether the grammar has outgrown the limits. A writer that sees this can stop: `write` will refuse.
  bool full() const noexcept { return full_; }

  /// The grammar in XGrammar's EBNF with the rule `root`; parts that can match nothing are left out. Errors:
  /// InvalidRequest when it is too large, or when `root` can match no text at all.
  Result<std::string> write(RuleId root) const;

 private:
  ExprId add(Expr expr);

  std::vector<Expr> exprs_;
  std::vector<Rule> rules_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace minerva::grammar
