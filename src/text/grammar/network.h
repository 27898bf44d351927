// A grammar as states that read bytes: what a recogniser walks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::grammar {

using StateId = std::uint32_t;

/// Immutable once made. Each rule is a part of the states, from its start to the final state that all share;
/// a rule that stands last in another is gone on to, so that an occurrence of a rule may end in another's
/// states.
struct Network {
  static constexpr StateId kFinal = 0;

  enum class Kind : std::uint8_t {
    Final,  ///< the occurrence of a rule ends
    Byte,   ///< `low` to `high`, then `a`
    Bytes,  ///< one of edges[a, a + b)
    Split,  ///< all of targets[a, a + b) at once
    Call,   ///< an occurrence of the rule `a`, then `b`
    Enter,  ///< a counted repetition begins: the count is 0; goes on to `a`
    Loop,   ///< of the repetition loops[a]: its body once more, or out, as the count allows
    Next,   ///< a body has ended: the count grows; goes back to the Loop `a`
  };
  struct State {
    Kind kind = Kind::Final;
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
  };
  struct Edge {
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    StateId target = 0;
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };
  struct Rule {
    StateId start = 0;
    bool nullable = false;
  };
  // Its body's states lie between `first` and `last`, and those of no other one among them.
  struct Loop {
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    StateId body = 0;
    StateId exit = 0;
    StateId first = 0;
    StateId last = 0;
  };

  std::vector<State> states;
  std::vector<Edge> edges;  // of a state: in order, apart from each other
  std::vector<StateId> targets;
  std::vector<Rule> rules;  // the first is the root
  std::vector<Loop> loops;  // by their bodies' states
  /// Bytes that no state tells apart have one class.
  std::array<std::uint8_t, 256> byte_class{};
  std::uint32_t class_count = 0;
};

/// The grammar from `root` on; parts that can match nothing are left out. Errors: InvalidRequest when it is
/// too large, or when `root` can match no text at all.
Result<Network> make_network(const GrammarBuilder& builder, RuleId root);

}  // namespace minerva::grammar
