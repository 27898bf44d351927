#include "text/grammar/regex_grammar.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace minerva::grammar {
namespace {

using Kind = RegexNode::Kind;

const CodePointSet kWord = {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}};

bool any_of(const RegexNode& node, bool (*is)(const RegexNode&)) {
  return is(node) || std::ranges::any_of(node.parts, [&](const RegexNode& part) { return any_of(part, is); });
}

bool is_look_ahead(const RegexNode& node) {
  return node.kind == Kind::LookAhead;
}
bool is_assertion(const RegexNode& node) {
  return node.kind == Kind::Begin || node.kind == Kind::End || node.kind == Kind::Boundary ||
         is_look_ahead(node);
}

class Writer {
 public:
  Writer(RegexScope scope, const ClassWriter& write_class, GrammarBuilder& builder, std::uint32_t repeat_max)
      : scope_(scope), write_class_(write_class), b_(builder), repeat_max_(repeat_max) {}

  // `outer`: not inside a group, or in one that is all there is; ^ and $ may stand at its ends.
  std::optional<ExprId> write(const RegexNode& node, bool outer) {
    if (outer && node.kind == Kind::Sequence) return write_outer(node);
    if (outer && node.kind != Kind::Alternatives) return write_outer({.parts = {node}});
    switch (node.kind) {
      case Kind::Class:
        return write_class_(node.set);
      case Kind::Sequence:
        return write_parts(node, 0, node.parts.size());
      case Kind::Alternatives: {
        std::vector<ExprId> alternatives;
        for (const RegexNode& part : node.parts) {
          const auto written = write(part, outer);
          if (!written) return std::nullopt;
          alternatives.push_back(*written);
        }
        return b_.alternatives(alternatives);
      }
      case Kind::Repeat: {
        const auto part = write(node.parts.front(), false);
        if (!part) return std::nullopt;
        return b_.repeat(*part, node.min, std::max(node.min, std::min(node.max, repeat_max_)));
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<ExprId> write_parts(const RegexNode& node, std::size_t first, std::size_t last) {
    std::vector<ExprId> parts;
    for (std::size_t i = first; i < last; ++i) {
      const auto part = write(node.parts[i], false);
      if (!part) return std::nullopt;
      parts.push_back(*part);
    }
    return b_.sequence(parts);
  }

  std::optional<ExprId> write_outer(const RegexNode& node) {
    const auto& parts = node.parts;
    if (parts.size() == 1 && (parts[0].kind == Kind::Alternatives || parts[0].kind == Kind::Sequence))
      return write(parts[0], true);
    const bool begins = !parts.empty() && parts.front().kind == Kind::Begin;
    const bool ends = parts.size() > (begins ? 1U : 0U) && parts.back().kind == Kind::End;
    const auto inside = write_parts(node, begins ? 1 : 0, parts.size() - (ends ? 1 : 0));
    if (!inside || scope_ == RegexScope::Whole) return inside;
    const ExprId anything = b_.repeat(write_class_(CodePointSet::all()), 0, repeat_max_);
    return b_.sequence({begins ? b_.empty() : anything, *inside, ends ? b_.empty() : anything});
  }

  RegexScope scope_;
  const ClassWriter& write_class_;
  GrammarBuilder& b_;
  std::uint32_t repeat_max_;
};

// The automaton of what a node matches and all that follows it, from the end to the beginning, for each of
// what may stand before: nothing, a character of a word, another one.
class States {
 public:
  using State = AutomatonBuilder::State;
  using Entries = std::array<State, 3>;
  static constexpr std::size_t kBeginning = 0;
  static constexpr std::size_t kAfterWord = 1;
  static constexpr std::size_t kAfterOther = 2;

  explicit States(bool assertions) : assertions_(assertions) {}

  Result<Automaton> run(const RegexNode& regex, RegexScope scope) {
    const State end = AutomatonBuilder::kEnd;
    State tail = end;
    if (scope == RegexScope::Somewhere) tail = anything_then(end);
    MINERVA_ASSIGN(const Entries entries, write(regex, {tail, tail, tail}));
    State start = entries[kBeginning];
    if (scope == RegexScope::Somewhere) {
      // Or after some characters, the last of which matters.
      const State later = out_.add();
      out_.edge(later, CodePointSet::all(), later);
      out_.edge(later, kWord, entries[kAfterWord]);
      out_.edge(later, kWord.complement(), entries[kAfterOther]);
      const State both = out_.add();
      out_.skip(both, start);
      out_.skip(both, later);
      start = both;
    }
    return determinized(start);
  }

 private:
  std::unexpected<Error> too_large() const {
    return invalid_request("the regular expression becomes too large an automaton",
                           "Simplify it: smaller bounds of repetition, fewer alternatives, less look-ahead.");
  }
  Result<Automaton> determinized(State start) const {
    auto result = out_.determinized(start);
    if (!result) return too_large();
    return *std::move(result);
  }
  State anything_then(State end) {
    const State loop = out_.add();
    out_.edge(loop, CodePointSet::all(), loop);
    out_.skip(loop, end);
    return loop;
  }
  State nowhere() { return out_.add(); }

  Result<Entries> write(const RegexNode& node, const Entries& then) {
    if (out_.full()) return too_large();
    switch (node.kind) {
      case Kind::Class:
        return write_class(node.set, then);
      case Kind::Sequence: {
        Entries entries = then;
        for (std::size_t i = node.parts.size(); i-- > 0;) {
          MINERVA_ASSIGN(entries, write(node.parts[i], entries));
        }
        return entries;
      }
      case Kind::Alternatives: {
        Entries entries = fresh();
        for (const RegexNode& part : node.parts) {
          MINERVA_ASSIGN(const Entries to, write(part, then));
          skip(entries, to);
        }
        return entries;
      }
      case Kind::Repeat:
        return write_repeat(node, then);
      case Kind::Begin:
        return Entries{then[kBeginning], nowhere(), nowhere()};
      case Kind::End:
      case Kind::Boundary:
      case Kind::LookAhead:
        return write_condition(node, then);
    }
    return then;
  }

  Entries fresh() {
    const State one = out_.add();
    return assertions_ ? Entries{one, out_.add(), out_.add()} : Entries{one, one, one};
  }
  void skip(const Entries& from, const Entries& to) {
    for (std::size_t i = 0; i < (assertions_ ? from.size() : 1); ++i) out_.skip(from.at(i), to.at(i));
  }

  // The same whatever stands before.
  Entries write_class(const CodePointSet& set, const Entries& then) {
    const State state = out_.add();
    if (then[kAfterWord] == then[kAfterOther]) {
      out_.edge(state, set, then[kAfterWord]);
    } else {
      out_.edge(state, set.intersection(kWord), then[kAfterWord]);
      out_.edge(state, set.without(kWord), then[kAfterOther]);
    }
    return {state, state, state};
  }

  Result<Entries> write_repeat(const RegexNode& node, Entries then) {
    const RegexNode& part = node.parts.front();
    if (node.max == kUnbounded) {
      if (any_of(part, is_assertion)) {
        // Its states would have to be known before they are made.
        const bool harmless = !any_of(part, [](const RegexNode& n) {
          return n.kind == Kind::End || n.kind == Kind::Boundary || is_look_ahead(n);
        });
        if (!harmless)
          return invalid_request("a look-ahead, \\b or $ within an endless repetition cannot be honoured",
                                 "Move it out of the repetition, or give the repetition bounds.");
      }
      const Entries loop = fresh();
      skip(loop, then);
      MINERVA_ASSIGN(const Entries again, write(part, loop));
      skip(loop, again);
      then = loop;
    }
    const Entries end = then;
    const std::uint32_t optional = node.max == kUnbounded ? 0 : node.max - node.min;
    for (std::uint32_t i = 0; i < optional && !out_.full(); ++i) {
      MINERVA_ASSIGN(const Entries once, write(part, then));
      then = fresh();
      skip(then, once);
      skip(then, end);
    }
    for (std::uint32_t i = 0; i < node.min && !out_.full(); ++i) {
      MINERVA_ASSIGN(then, write(part, then));
    }
    return then;
  }

  // What follows, as far as it also fits a condition, which may depend on what stands before.
  Result<Entries> write_condition(const RegexNode& node, const Entries& then) {
    Entries result{};
    for (std::size_t i = 0; i < then.size(); ++i) {
      MINERVA_ASSIGN(const Automaton rest, determinized(then.at(i)));
      MINERVA_ASSIGN(const Automaton condition, condition_of(node, i));
      const auto both = node.kind == Kind::LookAhead && node.negated ? rest.without(condition)
                                                                     : rest.intersection(condition);
      if (!both) return too_large();
      result.at(i) = out_.embed(*both, AutomatonBuilder::kEnd);
    }
    return result;
  }

  Result<Automaton> condition_of(const RegexNode& node, std::size_t before) {
    if (node.kind == Kind::End) return Automaton::of("");
    if (node.kind == Kind::Boundary) {
      // A word begins or goes on; or it does not, and what follows may also be the end.
      const bool word_follows = (before == kAfterWord) == node.negated;
      const State other = out_.add();
      out_.edge(other, word_follows ? kWord : kWord.complement(), anything_then(AutomatonBuilder::kEnd));
      if (!word_follows) out_.skip(other, AutomatonBuilder::kEnd);
      return determinized(other);
    }
    const State tail = anything_then(AutomatonBuilder::kEnd);
    MINERVA_ASSIGN(const Entries entries, write(node.parts.front(), {tail, tail, tail}));
    return determinized(entries.at(before));
  }

  bool assertions_;
  AutomatonBuilder out_;
};

}  // namespace

std::optional<ExprId> regex_expr(const RegexNode& regex, RegexScope scope, const ClassWriter& write_class,
                                 GrammarBuilder& builder, std::uint32_t repeat_max) {
  return Writer(scope, write_class, builder, repeat_max).write(regex, true);
}

Result<Automaton> regex_automaton(const RegexNode& regex, RegexScope scope) {
  return States(any_of(regex, is_assertion)).run(regex, scope);
}

}  // namespace minerva::grammar
