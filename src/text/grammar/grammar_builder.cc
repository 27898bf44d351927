#include "text/grammar/grammar_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::grammar {
namespace {

using Kind = GrammarBuilder::Kind;
using Expr = GrammarBuilder::Expr;
using Rule = GrammarBuilder::Rule;

std::unexpected<Error> too_large() {
  return invalid_request(
      fmt::format("the constraint becomes too large a grammar (limits: {} expressions, {} rules, {} bytes)",
                  limits::kGrammarExpressionCountMax, limits::kGrammarRuleCountMax,
                  limits::kGrammarWrittenBytesMax),
      "Simplify it: fewer alternatives, smaller bounds of repetition, less nesting.");
}

// XGrammar's \x takes any number of digits, \u exactly four, \U exactly eight.
void append_escaped(std::string& out, char32_t c) {
  if (c <= 0xFFFF)
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<std::uint32_t>(c));
  else
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", static_cast<std::uint32_t>(c));
}

// Within a Regex, which stands in a quoted text itself.
void append_regex_escaped(std::string& out, char32_t c) {
  fmt::format_to(std::back_inserter(out), "\\\\u{{{:x}}}", static_cast<std::uint32_t>(c));
}

std::u32string code_points(std::string_view utf8) {
  std::u32string result;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto c = tokenizers::decode_utf8(utf8.data() + at);
    result += c.value;
    at += c.length;
  }
  return result;
}

bool plain(char32_t c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ';
}

// Which expressions can match a text at all. Linear: each edge from a part to its whole is followed once.
class Productive {
 public:
  Productive(const std::vector<Expr>& exprs, const std::vector<Rule>& rules) {
    wholes_.resize(exprs.size());
    missing_.resize(exprs.size());
    can_.resize(exprs.size());
    std::vector<std::vector<ExprId>> references(rules.size());
    for (ExprId id = 0; id < exprs.size(); ++id) {
      const Expr& expr = exprs[id];
      missing_[id] = expr.kind == Kind::Sequence ? expr.parts.size() : 1;
      for (const ExprId part : expr.parts) wholes_[part].push_back(id);
      if (expr.kind == Kind::Rule) references[expr.rule].push_back(id);
    }
    for (RuleId rule = 0; rule < rules.size(); ++rule)
      wholes_[rules[rule].body].insert(wholes_[rules[rule].body].end(), references[rule].begin(),
                                       references[rule].end());
    for (ExprId id = 0; id < exprs.size(); ++id) {
      const Expr& expr = exprs[id];
      if (expr.kind == Kind::Empty || expr.kind == Kind::Literal || expr.kind == Kind::Class ||
          (expr.kind == Kind::Repeat && expr.min == 0))
        found(id);
    }
    while (!queue_.empty()) {
      const ExprId id = queue_.back();
      queue_.pop_back();
      for (const ExprId whole : wholes_[id]) {
        if (missing_[whole] == 0) continue;
        --missing_[whole];
        if (missing_[whole] == 0) found(whole);
      }
    }
  }
  bool operator[](ExprId id) const { return can_[id]; }

 private:
  void found(ExprId id) {
    if (can_[id]) return;
    can_[id] = true;
    queue_.push_back(id);
  }

  std::vector<std::vector<ExprId>> wholes_;
  std::vector<std::size_t> missing_;
  std::vector<bool> can_;
  std::vector<ExprId> queue_;
};

// Writes what can be reached from the root.
class Writer {
 public:
  Writer(const std::vector<Expr>& exprs, const std::vector<Rule>& rules)
      : exprs_(exprs), rules_(rules), productive_(exprs, rules), named_(rules.size()) {}

  Result<std::string> run(RuleId root) {
    if (!productive_[rules_[root].body])
      return invalid_request("no text at all can match the constraint",
                             "Look for recursion without an end and for parts that contradict each other.");
    // XGrammar ends an answer where its root rule ends, and forbids tokens that go on, so that a rule which
    // refers to itself must not be the root.
    out_ = fmt::format("root ::= {}\n", rule_name(root));
    name(root);
    for (std::size_t i = 0; i < order_.size(); ++i) {  // NOLINT(modernize-loop-convert): it grows meanwhile
      const Rule& rule = rules_[order_[i]];
      out_ += rule_name(order_[i]);
      if (rule.characters_max != kUnbounded)
        fmt::format_to(std::back_inserter(out_), "[max_chars={}]", rule.characters_max);
      out_ += " ::= ";
      write(rule.body);
      out_ += '\n';
      if (full()) return too_large();
    }
    return out_ + extra_;
  }

 private:
  bool full() const noexcept { return out_.size() + extra_.size() > limits::kGrammarWrittenBytesMax; }
  static std::string rule_name(RuleId rule) { return fmt::format("r{}", rule); }
  void name(RuleId rule) {
    if (named_[rule]) return;
    named_[rule] = true;
    order_.push_back(rule);
  }

  void write(ExprId id) {
    if (full()) return;
    const Expr& expr = exprs_[id];
    switch (expr.kind) {
      case Kind::Nothing:  // never reached: it is not productive
      case Kind::Empty:
        out_ += "\"\"";
        return;
      case Kind::Literal:
        write_literal(expr.text);
        return;
      case Kind::Class:
        write_class(expr.set);
        return;
      case Kind::Rule:
        name(expr.rule);
        out_ += rule_name(expr.rule);
        return;
      case Kind::Sequence:
        write_list(expr, " ");
        return;
      case Kind::Alternatives:
        write_list(expr, " | ");
        return;
      case Kind::Repeat:
        write_repeat(expr);
        return;
    }
  }

  void write_list(const Expr& expr, std::string_view separator) {
    out_ += '(';
    bool first = true;
    for (const ExprId part : expr.parts) {
      if (!productive_[part]) continue;  // an alternative: a sequence with such a part is not written
      if (!first) out_ += separator;
      first = false;
      write(part);
    }
    out_ += ')';
  }

  void write_repeat(const Expr& expr) {
    const ExprId part = expr.parts.front();
    if (!productive_[part]) {
      out_ += "\"\"";
      return;
    }
    if (const auto states = automaton_states(expr); states && *states <= automaton_states_left_) {
      automaton_states_left_ -= *states;
      out_ += "Regex(\"";
      write_as_regex(part);
      write_bounds(expr.min, expr.max);
      out_ += "\")";
      return;
    }
    const std::uint32_t largest = expr.max == kUnbounded ? expr.min : expr.max;
    if (largest > kPieceMax && exprs_[part].kind != Kind::Class) return write_in_pieces(expr);
    out_ += '(';
    write(part);
    out_ += ')';
    write_bounds(expr.min, expr.max);
  }

  // What XGrammar counts beyond 128 repetitions of, save a class, takes it a second for each mask. Pieces of
  // fixed length leave it little to count: x{0,500} is (x{64}){0,6} x{0,63} | (x{64}){7} x{0,52}.
  void write_in_pieces(const Expr& expr) {
    constexpr std::uint32_t kAutomatonPiece = 16;
    const ExprId part = expr.parts.front();
    const auto states = nullable_or_rule(part) ? std::nullopt : plain_states(part);
    const std::uint32_t largest = expr.max == kUnbounded ? expr.min : expr.max;
    const bool automaton = states && *states * kAutomatonPiece * 3 <= automaton_states_left_ &&
                           largest / kAutomatonPiece <= kPieceMax;
    if (automaton) automaton_states_left_ -= *states * kAutomatonPiece * 3;
    const std::uint32_t size = automaton ? kAutomatonPiece : kPieceMax;
    const std::string one =
        automaton ? rendered([&] { write_as_regex(part); }) : extra_rule([&] { write(part); });
    const auto repeated = [&](std::uint32_t min, std::uint32_t max) {
      out_ += automaton ? fmt::format("Regex(\"({})", one) : one;
      write_bounds(min, max);
      if (automaton) out_ += "\")";
      out_ += ' ';
    };
    const std::string piece = extra_rule([&] { repeated(size, size); });
    const auto pieces = [&](std::uint32_t min, std::uint32_t max) {
      if (max == 0) return;
      out_ += piece;
      write_bounds(min, max);
      out_ += ' ';
    };
    out_ += '(';
    pieces(expr.min / size, expr.min / size);
    if (expr.min % size != 0) repeated(expr.min % size, expr.min % size);
    if (expr.max == kUnbounded) {
      repeated(0, kUnbounded);
    } else if (const std::uint32_t more = expr.max - expr.min; more < size) {
      if (more > 0) repeated(0, more);
    } else {
      out_ += "((";
      pieces(0, more / size - 1);
      repeated(0, size - 1);
      out_ += ") | (";
      pieces(more / size, more / size);
      if (more % size != 0) repeated(0, more % size);
      out_ += "))";
    }
    out_ += ')';
  }

  bool nullable_or_rule(ExprId id) const { return !plain_states(id) || nullable(id); }

  // What `write` writes, kept out of the rule at hand.
  template <class Write>
  std::string rendered(Write write_it) {
    std::string kept = std::exchange(out_, {});
    write_it();
    return std::exchange(out_, std::move(kept));
  }
  template <class Write>
  std::string extra_rule(Write write_it) {
    const std::string name = fmt::format("p{}", extra_count_++);
    const std::string body = rendered(write_it);
    extra_ += fmt::format("{} ::= {}\n", name, body);
    return name;
  }

  // Roughly the states of an automaton for `expr`, or nothing when XGrammar should rather count: it writes a
  // Regex out as one automaton, whose masks are quick, but which grows with each repetition (and beyond all
  // bounds where one repetition may take another's part), while a repetition that it counts costs nothing to
  // prepare and much at each step.
  std::optional<std::size_t> automaton_states(const Expr& expr) const {
    constexpr std::uint32_t kUnrolledMax = 128;  // XGrammar's own
    const ExprId part = expr.parts.front();
    if (exprs_[part].kind == Kind::Class || (expr.min == 0 && expr.max == 1)) return std::nullopt;
    const std::uint32_t count = expr.max == kUnbounded ? expr.min + 1 : expr.max;
    if (count > kUnrolledMax || nullable(part)) return std::nullopt;
    const auto states = plain_states(part);
    return states ? std::optional(*states * count) : std::nullopt;
  }

  std::optional<std::size_t> plain_states(ExprId id) const {
    const Expr& expr = exprs_[id];
    switch (expr.kind) {
      case Kind::Nothing:
      case Kind::Empty:
        return 0;
      case Kind::Literal:
        return expr.text.size();
      case Kind::Class:
        return expr.set.ranges().back().last >= 0x800 ? 8 : 1;
      case Kind::Rule:
        return std::nullopt;
      case Kind::Repeat:
        return expr.min == 0 && expr.max == 1 ? plain_states(expr.parts.front()) : std::nullopt;
      case Kind::Sequence:
      case Kind::Alternatives:
        break;
    }
    std::size_t sum = 0;
    for (const ExprId part : expr.parts) {
      const auto states = plain_states(part);
      if (!states) return std::nullopt;
      sum += *states;
      if (sum > kAutomatonStatesMax) return std::nullopt;
    }
    return sum;
  }

  // Of what `plain_states` takes.
  bool nullable(ExprId id) const {
    const Expr& expr = exprs_[id];
    const auto part_nullable = [this](ExprId part) { return nullable(part); };
    switch (expr.kind) {
      case Kind::Empty:
        return true;
      case Kind::Repeat:
        return expr.min == 0 || nullable(expr.parts.front());
      case Kind::Sequence:
        return std::ranges::all_of(expr.parts, part_nullable);
      case Kind::Alternatives:
        return std::ranges::any_of(expr.parts, part_nullable);
      default:
        return false;
    }
  }

  void write_as_regex(ExprId id) {
    const Expr& expr = exprs_[id];
    switch (expr.kind) {
      case Kind::Nothing:
      case Kind::Empty:
      case Kind::Rule:
        return;
      case Kind::Literal:
        out_ += '(';
        for (const char32_t c : code_points(expr.text)) append_regex_escaped(out_, c);
        out_ += ')';
        return;
      case Kind::Class:
        write_regex_class(expr.set);
        return;
      case Kind::Repeat:
        out_ += '(';
        write_as_regex(expr.parts.front());
        out_ += ")?";
        return;
      case Kind::Sequence:
      case Kind::Alternatives:
        break;
    }
    out_ += '(';
    bool first = true;
    for (const ExprId part : expr.parts) {
      if (!productive_[part]) continue;
      if (!first && expr.kind == Kind::Alternatives) out_ += '|';
      first = false;
      write_as_regex(part);
    }
    out_ += ')';
  }

  // XGrammar takes a range of characters whose UTF-8 has different lengths for one that also has overlong
  // forms (E0 80 80): each length has a class of its own.
  void write_regex_class(const CodePointSet& set) {
    static const std::array<CodePointSet, 4> kLengths = {CodePointSet{{0, 0x7F}}, CodePointSet{{0x80, 0x7FF}},
                                                         CodePointSet{{0x800, 0xFFFF}},
                                                         CodePointSet{{0x10000, kCodePointMax}}};
    out_ += '(';
    bool first_class = true;
    for (const CodePointSet& length : kLengths) {
      const CodePointSet part = set.intersection(length);
      if (part.empty()) continue;
      if (!first_class) out_ += '|';
      first_class = false;
      out_ += '[';
      for (const auto& [first, last] : part.ranges()) {
        append_regex_escaped(out_, first);
        if (last == first) continue;
        out_ += '-';
        append_regex_escaped(out_, last);
      }
      out_ += ']';
    }
    out_ += ')';
  }

  void write_bounds(std::uint32_t min, std::uint32_t max) {
    if (min == 0 && max == 1)
      out_ += '?';
    else if (max == kUnbounded && min <= 1)
      out_ += min == 0 ? '*' : '+';
    else if (max == kUnbounded)
      fmt::format_to(std::back_inserter(out_), "{{{},}}", min);
    else
      fmt::format_to(std::back_inserter(out_), "{{{},{}}}", min, max);
  }

  void write_literal(std::string_view text) {
    out_ += '"';
    for (const char32_t c : code_points(text)) {
      if (plain(c))
        out_ += static_cast<char>(c);
      else
        append_escaped(out_, c);
    }
    out_ += '"';
  }

  void write_class(const CodePointSet& set) {
    out_ += '[';
    for (const auto& [first, last] : set.ranges()) {
      append_escaped(out_, first);
      if (last == first) continue;
      out_ += '-';
      append_escaped(out_, last);
    }
    out_ += ']';
  }

  const std::vector<Expr>& exprs_;
  const std::vector<Rule>& rules_;
  Productive productive_;
  std::vector<bool> named_;
  std::vector<RuleId> order_;
  static constexpr std::size_t kAutomatonStatesMax = 2048;
  std::size_t automaton_states_left_ = kAutomatonStatesMax;
  static constexpr std::uint32_t kPieceMax = 64;
  std::string out_;
  std::string extra_;  // rules that repetitions need
  std::size_t extra_count_ = 0;
};

}  // namespace

GrammarBuilder::GrammarBuilder() : exprs_{{.kind = Kind::Nothing}, {.kind = Kind::Empty}} {}

ExprId GrammarBuilder::add(Expr expr) {
  bytes_ += expr.text.size() + expr.parts.size() * 4 + expr.set.ranges().size() * 12;
  if (exprs_.size() >= limits::kGrammarExpressionCountMax || bytes_ > limits::kGrammarWrittenBytesMax) {
    full_ = true;
    return nothing();
  }
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
  // (x?){3,9} is x{0,9}: an optional part can be left out at each place, which XGrammar would all try.
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
  rules_.push_back({.body = nothing()});
  return static_cast<RuleId>(rules_.size() - 1);
}

void GrammarBuilder::define(RuleId rule, ExprId body, std::uint32_t characters_max) {
  rules_[rule] = {.body = body, .characters_max = characters_max};
}

Result<std::string> GrammarBuilder::write(RuleId root) const {
  if (full_) return too_large();
  return Writer(exprs_, rules_).run(root);
}

}  // namespace minerva::grammar
