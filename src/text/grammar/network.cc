#include "text/grammar/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "text/grammar/derivable.h"
#include "text/grammar/network_parts.h"

namespace minerva::grammar {
namespace {

using Kind = Network::Kind;
using Expr = GrammarBuilder::Expr;
using ExprKind = GrammarBuilder::Kind;
using What = Derivable::What;

// Of what is smaller there are several copies: repeated, or in all its places.
constexpr std::size_t kUnrolledStatesMax = 48;
constexpr std::size_t kCopiedStatesMax = 16;
constexpr int kDepthMax = 64;

std::unexpected<Error> too_large() {
  return invalid_request(fmt::format("the constraint becomes too large a grammar (limits: {} expressions, {} "
                                     "rules, {} bytes, {} states)",
                                     limits::kGrammarExpressionCountMax, limits::kGrammarRuleCountMax,
                                     limits::kGrammarExpressionBytesMax, limits::kGrammarStateCountMax),
                         "Simplify it: fewer alternatives, smaller bounds of repetition, less nesting.");
}

class NetworkWriter {
 public:
  explicit NetworkWriter(const GrammarBuilder& builder)
      : b_(builder),
        productive_(builder, What::AnyText),
        nullable_(builder, What::EmptyText),
        rule_of_expr_(builder.expr_count(), kNone),
        parts_(network_) {
    measure();
    network_.states.push_back({.kind = Kind::Final});
  }

  Result<Network> run(RuleId root) {
    if (b_.full()) return too_large();
    if (!productive_[b_.body(root)])
      return invalid_request("no text at all can match the constraint",
                             "Look for recursion without an end and for parts that contradict each other.");
    rule_for(b_.body(root));
    while (!pending_.empty()) {
      const auto [rule, body] = pending_.front();
      pending_.pop_front();
      // Its start was there before it: others may have gone on to it.
      set_split(network_.rules[rule].start, {build(body, {.next = Network::kFinal, .is_top = true})});
      if (network_.states.size() + network_.targets.size() > limits::kGrammarStateCountMax)
        return too_large();
    }
    shorten();
    classify_bytes();
    return std::move(network_);
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  // Where an expression stands.
  struct Place {
    StateId next = 0;
    bool in_count = false;  // in the body of a counted repetition
    bool is_top = false;    // the body of its rule itself
    int depth = 0;
  };

  // How many states an expression takes, roughly, and how often it is used.
  void measure() {
    sizes_.resize(b_.expr_count());
    uses_.resize(b_.expr_count());
    for (ExprId id = 0; id < sizes_.size(); ++id) {
      const Expr& expr = b_.at(id);
      std::size_t size = 1;
      if (expr.kind == ExprKind::Literal) size = expr.text.size();
      if (expr.kind == ExprKind::Class)
        size = expr.set.ranges().size() + (expr.set.ranges().back().last > 0x7F ? 6 : 0);
      if (expr.kind == ExprKind::Rule) ++uses_[b_.body(expr.rule)];
      for (const ExprId part : expr.parts) {
        size += sizes_[part];
        ++uses_[part];
      }
      if (expr.kind == ExprKind::Repeat && is_unrolled(expr)) size *= copies(expr);
      sizes_[id] = std::min<std::size_t>(size, limits::kGrammarStateCountMax);
    }
  }
  static std::size_t copies(const Expr& expr) { return expr.max == kUnbounded ? expr.min + 1 : expr.max; }
  bool is_unrolled(const Expr& expr) const {
    return copies(expr) == 1 || sizes_[expr.parts.front()] * copies(expr) <= kUnrolledStatesMax;
  }

  // The body of a rule of the network: a rule of the grammar, or an expression that stands by itself.
  std::uint32_t rule_for(ExprId body) {
    std::uint32_t& rule = rule_of_expr_[body];
    if (rule == kNone) {
      rule = static_cast<std::uint32_t>(network_.rules.size());
      network_.rules.push_back({.start = parts_.add({.kind = Kind::Split}), .nullable = nullable_[body]});
      pending_.emplace_back(rule, body);
    }
    return rule;
  }
  StateId occurrence(std::uint32_t rule, StateId next) {
    if (next == Network::kFinal) return network_.rules[rule].start;
    return parts_.add({.kind = Kind::Call, .a = rule, .b = next});
  }

  void set_split(StateId state, const std::vector<StateId>& targets) {
    network_.states[state].a = static_cast<std::uint32_t>(network_.targets.size());
    network_.states[state].b = static_cast<std::uint32_t>(targets.size());
    network_.targets.insert(network_.targets.end(), targets.begin(), targets.end());
  }

  bool stands_by_itself(ExprId id, const Place& place) const {
    const ExprKind kind = b_.at(id).kind;
    if (place.is_top ||
        (kind != ExprKind::Sequence && kind != ExprKind::Alternatives && kind != ExprKind::Repeat))
      return false;
    return place.depth >= kDepthMax || (uses_[id] > 1 && sizes_[id] > kCopiedStatesMax);
  }

  // The state in which `id` begins, after which comes `place.next`. Its depth is bounded by kDepthMax.
  StateId build(ExprId id, Place place) {
    if (!productive_[id] || network_.states.size() > limits::kGrammarStateCountMax) return parts_.split({});
    if (stands_by_itself(id, place)) return occurrence(rule_for(id), place.next);
    const Expr& expr = b_.at(id);
    place.is_top = false;
    ++place.depth;
    switch (expr.kind) {
      case ExprKind::Nothing:
      case ExprKind::Empty:
        return place.next;
      case ExprKind::Literal:
        return parts_.literal(expr.text, place.next);
      case ExprKind::Class:
        return parts_.character(expr.set, place.next);
      case ExprKind::Rule:
        return occurrence(rule_for(b_.body(expr.rule)), place.next);
      case ExprKind::Sequence:
        for (std::size_t i = expr.parts.size(); i-- > 0;) place.next = build(expr.parts[i], place);
        return place.next;
      case ExprKind::Alternatives:
        return build_alternatives(expr, place);
      case ExprKind::Repeat:
        return build_repeat(id, place);
    }
    return place.next;
  }

  StateId build_alternatives(const Expr& expr, const Place& place) {
    std::vector<StateId> ways;
    std::vector<std::string_view> texts;
    for (const ExprId part : expr.parts) {
      if (!productive_[part]) continue;
      if (b_.at(part).kind == ExprKind::Literal)
        texts.push_back(b_.at(part).text);
      else
        ways.push_back(build(part, place));
    }
    std::ranges::sort(texts);
    const auto [repeated, end] = std::ranges::unique(texts);
    texts.erase(repeated, end);
    if (!texts.empty()) ways.push_back(parts_.literals(texts, place.next));
    return parts_.split(ways);
  }

  StateId build_repeat(ExprId id, const Place& place) {
    const Expr& expr = b_.at(id);
    const ExprId part = expr.parts.front();
    if (!productive_[part]) return place.next;
    const std::uint32_t min = nullable_[part] ? 0 : expr.min;  // some of them may be empty
    if (expr.max == kUnbounded && min <= 1) return build_star(part, min == 1, place);
    if (is_unrolled(expr)) return build_unrolled(part, min, expr.max, place);
    // One count for each occurrence of a rule.
    if (place.in_count) return occurrence(rule_for(id), place.next);
    return build_counted(part, min, expr.max, place);
  }

  StateId build_star(ExprId part, bool once, Place place) {
    const StateId again = parts_.add({.kind = Kind::Split});
    const StateId out = std::exchange(place.next, again);
    const StateId in = build(part, place);
    set_split(again, {in, out});
    return once ? in : again;
  }

  StateId build_unrolled(ExprId part, std::uint32_t min, std::uint32_t max, Place place) {
    const StateId out = place.next;
    if (max == kUnbounded) {
      place.next = build_star(part, true, place);
      --min;
      max = min;
    }
    for (std::uint32_t i = max; i > min; --i) {
      const StateId in = build(part, place);
      place.next = parts_.split(std::vector{in, out});
    }
    for (std::uint32_t i = min; i > 0; --i) place.next = build(part, place);
    return place.next;
  }

  StateId build_counted(ExprId part, std::uint32_t min, std::uint32_t max, Place place) {
    Network::Loop loop{.min = min, .max = max, .exit = place.next};
    const StateId start = parts_.add({.kind = Kind::Loop});
    loop.first = start;
    place.next = parts_.add({.kind = Kind::Next, .a = start});
    place.in_count = true;
    loop.body = build(part, place);
    loop.last = static_cast<StateId>(network_.states.size() - 1);
    network_.states[start].a = static_cast<std::uint32_t>(network_.loops.size());
    network_.loops.push_back(loop);
    return parts_.add({.kind = Kind::Enter, .a = start});
  }

  // Where a state does nothing but go on to another, that one stands for it.
  void shorten() {
    const auto resolved = [&](StateId id) {
      constexpr int kStepsMax = 64;
      for (int i = 0; i < kStepsMax; ++i) {
        const auto& state = network_.states[id];
        if (state.kind != Kind::Split || state.b != 1) break;
        id = network_.targets[state.a];
      }
      return id;
    };
    for (auto& state : network_.states) {
      if (state.kind == Kind::Byte) state.a = resolved(state.a);
      if (state.kind == Kind::Call) state.b = resolved(state.b);
    }
    for (auto& edge : network_.edges) edge.target = resolved(edge.target);
    for (auto& rule : network_.rules) rule.start = resolved(rule.start);
    for (auto& loop : network_.loops) {
      loop.body = resolved(loop.body);
      loop.exit = resolved(loop.exit);
    }
    for (auto& target : network_.targets) target = resolved(target);
  }

  void classify_bytes() {
    std::array<bool, 257> begins{};  // a class
    const auto add = [&](std::uint8_t low, std::uint8_t high) {
      begins.at(low) = true;
      begins.at(high + std::size_t{1}) = true;
    };
    for (const auto& state : network_.states)
      if (state.kind == Kind::Byte) add(state.low, state.high);
    for (const auto& edge : network_.edges) add(edge.low, edge.high);
    std::uint8_t current = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (byte > 0 && begins.at(byte)) ++current;
      network_.byte_class.at(byte) = current;
    }
    network_.class_count = current + std::uint32_t{1};
  }

  const GrammarBuilder& b_;
  Derivable productive_;
  Derivable nullable_;
  std::vector<std::size_t> sizes_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::uint32_t> rule_of_expr_;
  std::deque<std::pair<std::uint32_t, ExprId>> pending_;
  Network network_;
  NetworkParts parts_;
};

}  // namespace

Result<Network> make_network(const GrammarBuilder& builder, RuleId root) {
  return NetworkWriter(builder).run(root);
}

}  // namespace minerva::grammar
