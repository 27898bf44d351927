// What a grammar lets follow a text, found the slow way: all stacks of what is still to come, one by one. For
// comparison with the real thing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/derivable.h"
#include "text/grammar/grammar_builder.h"

namespace minerva::testing {

/// A place in a text. Copies go their own ways.
class GrammarReference {
 public:
  GrammarReference(const grammar::GrammarBuilder& builder, const grammar::Derivable& productive,
                   grammar::RuleId root)
      : builder_(&builder), productive_(&productive) {
    expand({Part{.expr = builder.body(root)}});
  }

  void step(std::uint8_t byte) {
    const auto before = std::move(stacks_);
    stacks_.clear();
    for (const Stack& stack : before) {
      if (stack.empty()) continue;
      Stack rest(stack.begin(), stack.end() - 1);
      Part top = stack.back();
      top.read += static_cast<char>(byte);
      const auto& expr = builder_->at(top.expr);
      const bool is_literal = expr.kind == Kind::Literal;
      if (is_literal ? !expr.text.starts_with(top.read) : !begins_member(expr.set, top.read)) continue;
      if (is_literal ? expr.text != top.read : top.read.size() < length(top.read)) rest.push_back(top);
      expand(std::move(rest));
    }
  }
  bool is_alive() const { return !stacks_.empty(); }
  bool may_end() const { return stacks_.contains(Stack{}); }
  /// It grew beyond what can be compared: rules that begin with themselves, far too many ways.
  bool gave_up() const { return gave_up_; }

 private:
  using Kind = grammar::GrammarBuilder::Kind;
  struct Part {
    grammar::ExprId expr = 0;
    std::string read = {};     // of a literal or a character
    std::uint32_t rounds = 0;  // of a repetition, done
    friend auto operator<=>(const Part&, const Part&) = default;
  };
  using Stack = std::vector<Part>;  // what comes next is last

  // Each way goes on until something has to be read.
  void expand(Stack first) {
    std::vector<Stack> queue = {std::move(first)};
    std::set<Stack> met(queue.begin(), queue.end());
    const auto meet = [&](Stack stack) {
      if (stack.size() > kDepthMax || met.size() > kStacksMax) gave_up_ = true;
      if (!gave_up_ && met.insert(stack).second) queue.push_back(std::move(stack));
    };
    while (!queue.empty()) {
      Stack stack = std::move(queue.back());
      queue.pop_back();
      if (stack.empty() || builder_->at(stack.back().expr).kind == Kind::Literal ||
          builder_->at(stack.back().expr).kind == Kind::Class) {
        stacks_.insert(std::move(stack));
        if (stacks_.size() > kStacksMax) gave_up_ = true;
        continue;
      }
      Part top = stack.back();
      stack.pop_back();
      const auto& expr = builder_->at(top.expr);
      if (!(*productive_)[top.expr]) continue;
      switch (expr.kind) {
        case Kind::Empty:
          meet(stack);
          break;
        case Kind::Rule:
          stack.push_back({.expr = builder_->body(expr.rule)});
          meet(stack);
          break;
        case Kind::Sequence:
          for (auto part = expr.parts.rbegin(); part != expr.parts.rend(); ++part)
            stack.push_back({.expr = *part});
          meet(stack);
          break;
        case Kind::Alternatives:
          for (const grammar::ExprId part : expr.parts) {
            Stack way = stack;
            way.push_back({.expr = part});
            meet(way);
          }
          break;
        case Kind::Repeat: {
          if (top.rounds >= expr.min) meet(stack);
          if (top.rounds == expr.max || !(*productive_)[expr.parts.front()]) break;
          const bool counts = expr.max != grammar::kUnbounded || top.rounds < expr.min;
          stack.push_back({.expr = top.expr, .rounds = top.rounds + (counts ? 1 : 0)});
          stack.push_back({.expr = expr.parts.front()});
          meet(stack);
          break;
        }
        default:
          break;
      }
    }
  }

  static std::size_t length(std::string_view utf8) {
    const auto lead = static_cast<std::uint8_t>(utf8[0]);
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  }
  // Whether a member's UTF-8 begins so.
  static bool begins_member(const grammar::CodePointSet& set, std::string_view utf8) {
    const auto lead = static_cast<std::uint8_t>(utf8[0]);
    if ((lead >= 0x80 && lead < 0xC0) || lead >= 0xF8) return false;
    constexpr char32_t kLead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    constexpr char32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};
    char32_t low = lead & kLead[length(utf8)];
    char32_t high = low;
    for (std::size_t i = 1; i < length(utf8); ++i) {
      const bool known = i < utf8.size();
      const auto byte = known ? static_cast<std::uint8_t>(utf8[i]) : std::uint8_t{0x80};
      if (byte < 0x80 || byte >= 0xC0) return false;
      low = low << 6U | (byte & 0x3FU);
      high = high << 6U | (known ? byte & 0x3FU : 0x3FU);
    }
    low = std::max(low, kFirst[length(utf8)]);
    return low <= high && !set.intersection({{low, high}}).empty();
  }

  static constexpr std::size_t kDepthMax = 100;
  static constexpr std::size_t kStacksMax = 3000;
  const grammar::GrammarBuilder* builder_;
  const grammar::Derivable* productive_;
  std::set<Stack> stacks_;
  bool gave_up_ = false;
};

}  // namespace minerva::testing
