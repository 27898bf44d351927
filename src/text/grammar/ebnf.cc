#include "text/grammar/ebnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/grammar/repetition.h"
#include "text/tokenizer/utf8_codec.h"
#include "text/utf8.h"

namespace minerva::grammar {
namespace {

constexpr const char* kRemedy =
    "Write rules such as: root ::= \"yes\" | \"no\" [0-9]+ rest, with a definition for each name.";

bool name_begins(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool name_goes_on(char c) noexcept {
  return name_begins(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

class EbnfParser {
 public:
  EbnfParser(std::string_view text, GrammarBuilder& builder) : text_(text), builder_(builder) {}

  Result<RuleId> run() {
    skip_space();
    while (at_ < text_.size()) MINERVA_TRY(parse_rule());
    for (const auto& [name, rule] : rules_) {
      if (!rule.defined) {
        at_ = rule.first_use;
        return error(fmt::format("the rule '{}' is used but not defined", name));
      }
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) return error("there is no rule 'root'");
    return root->second.id;
  }

 private:
  struct Rule {
    RuleId id = 0;
    bool defined = false;
    std::size_t first_use = 0;
  };

  std::unexpected<Error> error(std::string_view what) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto newline = before.rfind('\n');
    const auto column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    return invalid_request(fmt::format("the grammar, line {}, column {}: {}", line, column, what), kRemedy);
  }

  char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_space() noexcept {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        ++at_;
      else
        return;
    }
  }

  std::string_view name_here() const noexcept {
    std::size_t end = at_;
    if (end < text_.size() && name_begins(text_[end]))
      while (end < text_.size() && name_goes_on(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  // A name followed by ::= begins the next rule.
  bool at_definition() noexcept {
    const std::size_t start = at_;
    at_ += name_here().size();
    skip_space();
    const bool result = at_ > start && text_.substr(at_).starts_with("::=");
    at_ = start;
    return result;
  }

  Result<Rule*> rule_named(std::string_view name) {
    const auto [entry, added] = rules_.try_emplace(std::string(name));
    if (added) {
      entry->second.first_use = at_;
      entry->second.id = builder_.add_rule();
      if (builder_.full())
        return error(fmt::format("there are more than {} rules", limits::kGrammarRuleCountMax));
    }
    return &entry->second;
  }

  Result<void> parse_rule() {
    const std::string_view name = name_here();
    if (name.empty() || !at_definition()) return error("expected the beginning of a rule: name ::=");
    MINERVA_ASSIGN(Rule * rule, rule_named(name));
    if (rule->defined) return error(fmt::format("the rule '{}' is defined twice", name));
    rule->defined = true;
    at_ += name.size();
    skip_space();
    at_ += std::string_view("::=").size();
    MINERVA_ASSIGN(const ExprId body, parse_alternatives());
    if (at_ < text_.size() && !at_definition()) return error("unexpected character here");
    builder_.define(rule->id, body);
    return {};
  }

  Result<ExprId> parse_alternatives() {
    if (nesting_ >= limits::kGrammarNestingMax)
      return error(fmt::format("parentheses are nested deeper than {}", limits::kGrammarNestingMax));
    ++nesting_;
    std::vector<ExprId> alternatives;
    do {
      MINERVA_ASSIGN(const ExprId sequence, parse_sequence());
      alternatives.push_back(sequence);
    } while (take('|'));
    --nesting_;
    return builder_.alternatives(alternatives);
  }

  Result<ExprId> parse_sequence() {
    std::vector<ExprId> parts;
    for (;;) {
      skip_space();
      const char c = peek();
      if (at_ >= text_.size() || c == '|' || c == ')' || at_definition()) return builder_.sequence(parts);
      MINERVA_ASSIGN(ExprId part, parse_item());
      MINERVA_ASSIGN(part, parse_repetitions(part));
      parts.push_back(part);
    }
  }

  Result<ExprId> parse_item() {
    const char c = peek();
    if (c == '"' || c == '\'') return parse_literal();
    if (c == '[') return parse_class();
    if (take('.')) return builder_.one_of(CodePointSet::all());
    if (take('(')) {
      MINERVA_ASSIGN(const ExprId inside, parse_alternatives());
      if (!take(')')) return error("expected )");
      return inside;
    }
    const std::string_view name = name_here();
    if (name.empty()) return error(fmt::format("unexpected character {}", quoted_character()));
    MINERVA_ASSIGN(const Rule* rule, rule_named(name));
    at_ += name.size();
    return builder_.rule(rule->id);
  }

  std::string quoted_character() const {
    const auto c = tokenizers::decode_utf8(text_.data() + at_);
    return quoted(text_.substr(at_, c.length));
  }

  Result<ExprId> parse_repetitions(ExprId part) {
    for (int count = 0;; ++count) {
      skip_space();
      std::uint32_t min = 0;
      std::uint32_t max = kUnbounded;
      if (take('?')) {
        max = 1;
      } else if (take('+')) {
        min = 1;
      } else if (peek() == '{') {
        MINERVA_TRY(parse_bounds(min, max));
      } else if (!take('*')) {
        return part;
      }
      if (count >= limits::kGrammarNestingMax) return error("too many repetition signs in a row");
      part = builder_.repeat(part, min, max);
    }
  }

  Result<void> parse_bounds(std::uint32_t& min, std::uint32_t& max) {
    ++at_;
    skip_space();
    const auto low = number();
    skip_space();
    const bool comma = take(',');
    skip_space();
    const auto high = comma ? number() : low;
    skip_space();
    if (!take('}') || (!low && !high)) return error("expected bounds such as {3}, {3,} or {3,5}");
    min = low.value_or(0);
    max = high.value_or(kUnbounded);
    if (const auto fault = fault_of_bounds(min, high)) return error(*fault);
    return {};
  }

  std::optional<std::uint32_t> number() noexcept { return take_number(text_, at_); }

  Result<ExprId> parse_literal() {
    const std::size_t begin = at_;
    const char end = text_[at_++];
    std::string value;
    while (!take(end)) {
      if (at_ >= text_.size() || peek() == '\n') {
        at_ = begin;
        return error("the quoted text does not end on its line");
      }
      MINERVA_ASSIGN(const char32_t c, parse_character());
      tokenizers::append_utf8(value, c);
    }
    return builder_.literal(value);
  }

  Result<ExprId> parse_class() {
    const std::size_t begin = at_++;
    const bool negated = take('^');
    std::vector<CodePointSet::Range> ranges;
    while (!take(']')) {
      if (at_ >= text_.size() || peek() == '\n') {
        at_ = begin;
        return error("the character class does not end on its line");
      }
      MINERVA_ASSIGN(const char32_t first, parse_character());
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        MINERVA_ASSIGN(last, parse_character());
      }
      if (last < first) return error("the range in the character class is the wrong way round");
      ranges.push_back({first, last});
    }
    const CodePointSet set(ranges);
    if (!negated && set.empty()) return error("an empty character class matches nothing");
    return builder_.one_of(negated ? set.complement() : set);
  }

  // One character, written out or as an escape.
  Result<char32_t> parse_character() {
    const auto c = tokenizers::decode_utf8(text_.data() + at_);
    at_ += c.length;
    if (c.value != '\\') return c.value;
    const char kind = peek();
    ++at_;
    switch (kind) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      case 'U':
        return hexadecimal(8);
      default:
        break;
    }
    if (std::string_view("\\\"'[]-^/.").contains(kind) && at_ <= text_.size())
      return static_cast<char32_t>(kind);
    at_ -= 2;
    return error(R"(unknown escape: known are \n \r \t \\ \" \' \[ \] \- \^ \/ \. \xHH \uHHHH \UHHHHHHHH)");
  }

  Result<char32_t> hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const bool decimal = c >= '0' && c <= '9';
      const char lower = static_cast<char>(c | 0x20);
      if (!decimal && !(lower >= 'a' && lower <= 'f'))
        return error(fmt::format("expected {} hexadecimal digits", digits));
      value = value * 16 + static_cast<char32_t>(decimal ? c - '0' : lower - 'a' + 10);
      ++at_;
    }
    if (value > kCodePointMax || (value >= 0xD800 && value <= 0xDFFF))
      return error("the escape stands for no character");
    return value;
  }

  std::string_view text_;
  GrammarBuilder& builder_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  std::map<std::string, Rule, std::less<>> rules_;
};

}  // namespace

Result<RuleId> parse_ebnf(std::string_view text, GrammarBuilder& builder) {
  if (text.size() > limits::kGrammarBytesMax) {
    return invalid_request(fmt::format("the grammar has {} bytes; {} are the most that is taken", text.size(),
                                       limits::kGrammarBytesMax),
                           "Make it smaller.");
  }
  if (!is_valid_utf8(text)) return invalid_request("the grammar is not valid UTF-8", kRemedy);
  return EbnfParser(text, builder).run();
}

}  // namespace minerva::grammar
