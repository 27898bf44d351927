// Sets of texts as deterministic finite automata over code points: what patterns, lengths and names become
// where several of them hold at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar/code_point_set.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

/// Immutable once made. Every state can be reached and can still accept; an empty set has no states.
class Automaton {
 public:
  using State = std::uint32_t;
  struct Edge {
    char32_t first = 0;
    char32_t last = 0;  // inclusive
    State to = 0;
    friend bool operator==(const Edge&, const Edge&) = default;
  };
  struct Node {
    bool accepts = false;
    std::vector<Edge> edges = {};  // sorted, apart from each other
  };
  /// States of one automaton at the most; what would have more is refused.
  static constexpr std::size_t kStateCountMax = 4096;

  Automaton() = default;
  /// Leaves out what leads nowhere and joins what goes on alike. State 0 is where a text begins.
  explicit Automaton(const std::vector<Node>& nodes);

  static Automaton all();
  static Automaton of(std::string_view utf8);
  /// Texts of `min` to `max` characters.
  static std::optional<Automaton> of_length(std::uint32_t min, std::uint32_t max);
  /// Texts of characters of `set` only.
  static Automaton repeated(const CodePointSet& set);
  /// Some of `texts`, each UTF-8.
  static std::optional<Automaton> of_texts(const std::vector<std::string_view>& texts);

  bool empty() const noexcept { return nodes_.empty(); }
  std::size_t size() const noexcept { return nodes_.size(); }
  const std::vector<Node>& nodes() const noexcept { return nodes_; }
  bool accepts(std::string_view utf8) const;

  // Nothing where the result has too many states.
  std::optional<Automaton> intersection(const Automaton& other) const;
  std::optional<Automaton> without(const Automaton& other) const;
  std::optional<Automaton> united(const Automaton& other) const;

  /// One of the shortest texts. Not of an empty set.
  std::string shortest() const;
  /// Characters of the longest text; nothing where there is no longest.
  std::optional<std::size_t> longest() const;

  /// With each character that `spelled` gives a text for replaced by that text.
  std::optional<Automaton> respelled(const std::function<std::string(char32_t)>& spelled,
                                     const CodePointSet& which) const;

 private:
  using Accepts = bool (*)(bool, bool);
  std::optional<Automaton> product(const Automaton& other, Accepts accept) const;

  std::vector<Node> nodes_;
};

/// A nondeterministic automaton under construction, whose end is state 0.
class AutomatonBuilder {
 public:
  using State = std::uint32_t;
  static constexpr State kEnd = 0;
  static constexpr std::size_t kStateCountMax = 100'000;

  AutomatonBuilder() : nodes_(1) {}
  /// Beyond the limit every new state is the end, and `full()`.
  State add();
  void edge(State from, const CodePointSet& set, State to);
  void skip(State from, State to);  // without a character
  /// The automaton's states as such of this one: the one where it begins; where it ends, `to` follows.
  State embed(const Automaton& automaton, State to);
  bool full() const noexcept { return full_; }
  /// What leads from `start` to the end; nothing where it has too many states.
  std::optional<Automaton> determinized(State start) const;

 private:
  struct Node {
    std::vector<std::pair<CodePointSet, State>> edges;
    std::vector<State> skips;
  };
  std::vector<State> closed(std::vector<State> set) const;

  std::vector<Node> nodes_;
  bool full_ = false;
};

/// The texts of an expression without rules; nothing where it has too many states or names a rule.
std::optional<Automaton> automaton_of(const GrammarBuilder& builder, ExprId expr);

/// Adds the automaton's texts to `builder`.
ExprId automaton_expr(const Automaton& automaton, GrammarBuilder& builder);

}  // namespace minerva::grammar
