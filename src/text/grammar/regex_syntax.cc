#include "text/grammar/regex_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/repetition.h"
#include "text/grammar/unicode_category.h"
#include "text/tokenizer/utf8_codec.h"
#include "text/utf8.h"

namespace minerva::grammar {
namespace {

constexpr const char* kRemedy =
    "Use characters, classes such as [a-z], groups, | and the repetitions * + ? {m,n} only.";

const CodePointSet kDigits = {{'0', '9'}};
const CodePointSet kWord = {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}};
// \s allows those that every dialect takes for white space; \S excludes those that any does.
const CodePointSet kSpaces = {{'\t', '\r'}, {' ', ' '}};
const CodePointSet kSpacesAnywhere = {{'\t', '\r'},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                      {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200A}, {0x2028, 0x2029},
                                      {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
// `.` allows what no dialect takes for a line end.
const CodePointSet kLineEnds = {{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}};

const CodePointSet kLineEndAnywhere = {{'\n', '\n'}};  // what every dialect takes for one

using Kind = RegexNode::Kind;

RegexNode class_of(CodePointSet set) {
  return {.kind = Kind::Class, .set = std::move(set)};
}

class RegexParser {
 public:
  RegexParser(std::string_view text, bool wide) : text_(text), wide_(wide) {}

  Result<RegexNode> run() {
    MINERVA_ASSIGN(RegexNode result, parse_alternatives());
    if (at_ < text_.size()) return error("unmatched )");
    return result;
  }

 private:
  std::unexpected<Error> error(std::string_view what) const {
    return invalid_request(fmt::format("the regular expression, byte {}: {}", at_ + 1, what), kRemedy);
  }
  bool ended() const noexcept { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view what) noexcept {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  Result<RegexNode> parse_alternatives() {
    if (nesting_ >= limits::kGrammarNestingMax)
      return error(fmt::format("groups are nested deeper than {}", limits::kGrammarNestingMax));
    ++nesting_;
    RegexNode result = {.kind = Kind::Alternatives};
    do {
      MINERVA_ASSIGN(RegexNode sequence, parse_sequence());
      result.parts.push_back(std::move(sequence));
    } while (take("|"));
    --nesting_;
    if (result.parts.size() > 1) return result;
    RegexNode only = std::move(result.parts.front());
    return only;
  }

  Result<RegexNode> parse_sequence() {
    RegexNode result;
    while (!ended() && peek() != '|' && peek() != ')') {
      MINERVA_ASSIGN(RegexNode part, parse_atom());
      const bool reads = part.kind != Kind::Begin && part.kind != Kind::End && part.kind != Kind::Boundary &&
                         part.kind != Kind::LookAhead;
      if (reads) {
        MINERVA_ASSIGN(part, parse_repetitions(std::move(part)));
      }
      result.parts.push_back(std::move(part));
    }
    return result;
  }

  Result<RegexNode> parse_atom() {
    const char c = peek();
    if (c == '(') return parse_group();
    if (c == '[') {
      MINERVA_ASSIGN(CodePointSet set, parse_class());
      return class_of(std::move(set));
    }
    if (take(".")) return class_of((wide_ ? kLineEndAnywhere : kLineEnds).complement());
    if (take("^")) return RegexNode{.kind = Kind::Begin};
    if (take("$")) return RegexNode{.kind = Kind::End};
    if (take("\\b")) return RegexNode{.kind = Kind::Boundary};
    if (take("\\B")) return RegexNode{.kind = Kind::Boundary, .negated = true};
    if (c == '\\') {
      MINERVA_ASSIGN(CodePointSet set, parse_escape(false));
      return class_of(std::move(set));
    }
    if (c == '*' || c == '+' || c == '?') return error("there is nothing to repeat");
    if (c == '{' || c == '}' || c == ']')
      return error(fmt::format("write {} as \\{}", c, c));  // dialects differ on them
    return class_of(one(character()));
  }

  static CodePointSet one(char32_t c) { return {{c, c}}; }
  char32_t character() noexcept {
    const auto c = tokenizers::decode_utf8(text_.data() + at_);
    at_ += c.length;
    return c.value;
  }

  Result<RegexNode> parse_group() {
    ++at_;
    if (take("?=") || take("?!")) return parse_look_ahead(text_[at_ - 1] == '!');
    if (peek() == '?') {
      if (take("?:")) {
        // a group that captures nothing
      } else if (peek(1) == '<' && (peek(2) == '=' || peek(2) == '!')) {
        return error("look-behind cannot be honoured");
      } else if (take("?<") || take("?P<")) {
        const std::size_t end = text_.find('>', at_);
        if (end == std::string_view::npos || end == at_) return error("the group's name does not end");
        at_ = end + 1;
      } else {
        return error("flags, atomic groups and conditions cannot be honoured");
      }
    }
    MINERVA_ASSIGN(RegexNode inside, parse_alternatives());
    if (!take(")")) return error("expected )");
    return inside;
  }

  Result<RegexNode> parse_look_ahead(bool negated) {
    RegexNode result = {.kind = Kind::LookAhead, .negated = negated};
    wide_ = wide_ != negated;
    MINERVA_ASSIGN(RegexNode inside, parse_alternatives());
    wide_ = wide_ != negated;
    if (!take(")")) return error("expected )");
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{')
      return error("a look-ahead is repeated");
    result.parts.push_back(std::move(inside));
    return result;
  }

  Result<RegexNode> parse_repetitions(RegexNode part) {
    std::uint32_t min = 0;
    std::uint32_t max = kUnbounded;
    if (take("?")) {
      max = 1;
    } else if (take("+")) {
      min = 1;
    } else if (peek() == '{') {
      MINERVA_TRY(parse_bounds(min, max));
    } else if (!take("*")) {
      return part;
    }
    take("?");  // lazy: the same texts, in another order of preference
    if (peek() == '+') return error("possessive repetition cannot be honoured");
    if (peek() == '*' || peek() == '?' || peek() == '{')
      return error("a repetition is repeated: use a group");
    RegexNode result = {.kind = Kind::Repeat, .min = min, .max = max};
    result.parts.push_back(std::move(part));
    return result;
  }

  Result<void> parse_bounds(std::uint32_t& min, std::uint32_t& max) {
    ++at_;
    const auto low = number();
    const bool comma = take(",");
    const auto high = comma ? number() : low;
    if (!low || !take("}")) return error("expected bounds such as {3}, {3,} or {3,5}");
    min = *low;
    max = high.value_or(kUnbounded);
    if (const auto fault = fault_of_bounds(min, high)) return error(*fault);
    return {};
  }

  std::optional<std::uint32_t> number() noexcept { return take_number(text_, at_); }

  Result<CodePointSet> parse_class() {
    ++at_;
    const bool negated = take("^");
    if (peek() == ']') return error("an empty class; write ] as \\]");
    CodePointSet set;
    std::vector<CodePointSet::Range> ranges;
    while (!take("]")) {
      if (ended()) return error("the class does not end");
      if (peek() == '[' && (peek(1) == ':' || peek(1) == '.' || peek(1) == '='))
        return error("POSIX classes cannot be honoured");
      if (text_.substr(at_).starts_with("&&") || text_.substr(at_).starts_with("--"))
        return error("set operations in a class cannot be honoured");
      MINERVA_ASSIGN(const CodePointSet first, class_member(negated));
      const bool range = peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size();
      if (!range) {
        ranges.insert(ranges.end(), first.ranges().begin(), first.ranges().end());
        continue;
      }
      ++at_;
      MINERVA_ASSIGN(const CodePointSet last, class_member(negated));
      if (!single(first) || !single(last)) return error("a range needs a character at each end");
      const char32_t low = first.ranges().front().first;
      const char32_t high = last.ranges().front().first;
      if (high < low) return error("a range in a class is the wrong way round");
      ranges.push_back({low, high});
    }
    set.add(CodePointSet(ranges));
    return negated ? set.complement() : set;
  }

  static bool single(const CodePointSet& set) noexcept {
    return set.ranges().size() == 1 && set.ranges().front().first == set.ranges().front().last;
  }
  Result<CodePointSet> class_member(bool negated) {
    if (ended()) return error("the class does not end");
    if (peek() == '\\') return parse_escape(true, negated);
    return one(character());
  }

  Result<CodePointSet> parse_escape(bool in_class, bool negated = false) {
    ++at_;
    if (ended()) return error("a \\ at the end");
    const char c = peek();
    if (static_cast<unsigned char>(c) >= 0x80) return one(character());
    ++at_;
    switch (c) {
      case 'd':
        return kDigits;
      case 'D':
        return kDigits.complement();
      case 'w':
        return kWord;
      case 'W':
        return kWord.complement();
      case 's':
        return negated != wide_ ? kSpacesAnywhere : kSpaces;
      case 'S':
        return (negated != wide_ ? kSpaces : kSpacesAnywhere).complement();
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'p':
      case 'P':
        return category(c == 'P');
      case 'x':
        return hexadecimal(2);
      case 'u':
        return peek() == '{' ? braced() : hexadecimal(4);
      case '0':
        if (peek() < '0' || peek() > '9') return one(0);
        break;
      case 'b':
        if (in_class) return one('\b');
        break;
      default:
        break;
    }
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter_or_digit) return one(static_cast<char32_t>(c));
    if (c >= '1' && c <= '9') return error("backreferences cannot be honoured");
    return error(fmt::format("\\{} cannot be honoured", c));
  }

  static int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }
  Result<CodePointSet> hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      if (digit(peek()) < 0) return error(fmt::format("expected {} hexadecimal digits", digits));
      value = value * 16 + static_cast<char32_t>(digit(peek()));
    }
    return scalar(value);
  }
  Result<CodePointSet> braced() {
    ++at_;
    char32_t value = 0;
    for (; digit(peek()) >= 0 && value <= kCodePointMax; ++at_)
      value = value * 16 + static_cast<char32_t>(digit(peek()));
    if (!take("}")) return error("expected \\u{...}");
    return scalar(value);
  }
  Result<CodePointSet> category(bool negated) {
    const std::size_t end = peek() == '{' ? text_.find('}', at_) : std::string_view::npos;
    if (end == std::string_view::npos) return error("expected \\p{...}");
    const auto set = unicode_category(text_.substr(at_ + 1, end - at_ - 1));
    if (!set) return error("\\p knows the general categories (L, Lu, Nd ...) only");
    at_ = end + 1;
    return negated ? set->complement() : *set;
  }
  Result<CodePointSet> scalar(char32_t value) const {
    CodePointSet set = one(value);
    if (set.empty() || value > kCodePointMax) return error("the escape stands for no character");
    return set;
  }

  std::string_view text_;
  bool wide_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

Result<RegexNode> parse_regex(std::string_view regex, bool wide) {
  if (regex.size() > limits::kRegexBytesMax) {
    return invalid_request(fmt::format("the regular expression has {} bytes; {} are the most that is taken",
                                       regex.size(), limits::kRegexBytesMax),
                           "Make it shorter.");
  }
  if (!is_valid_utf8(regex)) return invalid_request("the regular expression is not valid UTF-8", kRemedy);
  return RegexParser(regex, wide).run();
}

}  // namespace minerva::grammar
