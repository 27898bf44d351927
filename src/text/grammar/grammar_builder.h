// A context-free grammar over Unicode text: what every kind of constraint becomes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
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

  /// Starts in state 0. An edge goes from a state to another by whatever its label matches; several may match
  /// the same text.
  struct Automaton {
    struct Edge {
      ExprId label = 0;
      std::uint32_t target = 0;
    };
    struct State {
      bool accepting = false;
      std::vector<Edge> edges = {};
    };
    std::vector<State> states;
  };

  /// `stop`: gives up, see `full`.
  explicit GrammarBuilder(std::stop_token stop = {});

  ExprId nothing() const noexcept { return 0; }  ///< matches no text at all
  ExprId empty() const noexcept { return 1; }    ///< matches the empty text
  ExprId literal(std::string_view utf8);
  ExprId one_of(const CodePointSet& set);
  ExprId sequence(const std::vector<ExprId>& parts);
  ExprId alternatives(const std::vector<ExprId>& parts);
  ExprId repeat(ExprId part, std::uint32_t min, std::uint32_t max = kUnbounded);
  ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  ExprId rule(RuleId rule);
  /// A rule a state: a rule that stands last in its place is gone on to, not come back from.
  ExprId automaton(const Automaton& automaton);

  /// A rule may be used before it is defined; until then it matches nothing.
  RuleId add_rule();
  void define(RuleId rule, ExprId body) { rules_[rule] = body; }

  const Expr& at(ExprId id) const { return exprs_[id]; }
  std::size_t expr_count() const noexcept { return exprs_.size(); }
  ExprId body(RuleId rule) const { return rules_[rule]; }
  std::size_t rule_count() const noexcept { return rules_.size(); }
  /// Whether the grammar has outgrown the limits, or nobody waits for it any more. A writer that sees this
  /// can stop: what it adds is dropped, and the grammar will be refused.
  bool full() const noexcept { return full_ || stop_.stop_requested(); }

 private:
  ExprId add(Expr expr);

  std::stop_token stop_;
  std::vector<Expr> exprs_;
  std::vector<ExprId> rules_;  // their bodies
  std::size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace minerva::grammar
