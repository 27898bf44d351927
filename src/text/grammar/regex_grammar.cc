#include "text/grammar/regex_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "text/grammar/repetition.h"
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

class RegexParser {
 public:
  RegexParser(std::string_view text, const RegexOptions& options, GrammarBuilder& builder)
      : text_(text), options_(options), builder_(builder) {}

  Result<ExprId> run() {
    MINERVA_ASSIGN(const ExprId result, parse_alternatives(true));
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
  ExprId anything() { return builder_.repeat(options_.write_class(CodePointSet::all()), 0); }

  // `outer`: not inside a group, or in one that is all there is; ^ and $ may stand at its ends.
  Result<ExprId> parse_alternatives(bool outer) {
    if (nesting_ >= limits::kGrammarNestingMax)
      return error(fmt::format("groups are nested deeper than {}", limits::kGrammarNestingMax));
    ++nesting_;
    std::vector<ExprId> alternatives;
    do {
      MINERVA_ASSIGN(const ExprId sequence, parse_sequence(outer));
      alternatives.push_back(sequence);
    } while (take("|"));
    --nesting_;
    return builder_.alternatives(alternatives);
  }

  Result<ExprId> parse_sequence(bool outer) {
    std::vector<ExprId> parts;
    const bool begins = outer && take("^");
    bool ends = false;
    bool whole = false;  // a group alone, which took care of its anchors itself
    while (!ended() && peek() != '|' && peek() != ')') {
      if (peek() == '$' && outer && (at_ + 1 == text_.size() || peek(1) == '|' || peek(1) == ')')) {
        ++at_;
        ends = true;
        break;
      }
      if (peek() == '^' || peek() == '$') return error("^ and $ may stand at the ends only");
      const bool alone = outer && parts.empty() && !begins && group_is_alone();
      MINERVA_ASSIGN(ExprId part, parse_atom(alone));
      MINERVA_ASSIGN(part, parse_repetitions(part));
      parts.push_back(part);
      whole = alone;
    }
    if (!options_.search || !outer || whole) return builder_.sequence(parts);
    if (!begins) parts.insert(parts.begin(), anything());
    if (!ends) parts.push_back(anything());
    return builder_.sequence(parts);
  }

  // Whether a group begins here that goes to the end of this alternative, unrepeated: (^a$|^b$).
  bool group_is_alone() const noexcept {
    if (peek() != '(') return false;
    int depth = 0;
    bool in_class = false;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\\')
        ++i;
      else if (in_class)
        in_class = c != ']';
      else if (c == '[')
        in_class = true;
      else if (c == '(')
        ++depth;
      else if (c == ')' && --depth == 0)
        return i + 1 == text_.size() || text_[i + 1] == '|' || text_[i + 1] == ')';
    }
    return false;
  }

  Result<ExprId> parse_atom(bool outer_group) {
    const char c = peek();
    if (c == '(') return parse_group(outer_group);
    if (c == '[') {
      MINERVA_ASSIGN(const CodePointSet set, parse_class());
      return options_.write_class(set);
    }
    if (c == '.') {
      ++at_;
      return options_.write_class(kLineEnds.complement());
    }
    if (c == '\\') {
      MINERVA_ASSIGN(const CodePointSet set, parse_escape(false));
      return options_.write_class(set);
    }
    if (c == '*' || c == '+' || c == '?') return error("there is nothing to repeat");
    if (c == '{' || c == '}' || c == ']')
      return error(fmt::format("write {} as \\{}", c, c));  // dialects differ on them
    return options_.write_class(one(character()));
  }

  static CodePointSet one(char32_t c) { return {{c, c}}; }
  char32_t character() noexcept {
    const auto c = tokenizers::decode_utf8(text_.data() + at_);
    at_ += c.length;
    return c.value;
  }

  Result<ExprId> parse_group(bool outer) {
    ++at_;
    if (peek() == '?') {
      if (take("?:")) {
        // a group that captures nothing
      } else if (peek(1) == '=' || peek(1) == '!' || (peek(1) == '<' && (peek(2) == '=' || peek(2) == '!'))) {
        return error("look-around cannot be honoured");
      } else if (take("?<") || take("?P<")) {
        const std::size_t end = text_.find('>', at_);
        if (end == std::string_view::npos || end == at_) return error("the group's name does not end");
        at_ = end + 1;
      } else {
        return error("flags, atomic groups and conditions cannot be honoured");
      }
    }
    MINERVA_ASSIGN(const ExprId inside, parse_alternatives(outer));
    if (!take(")")) return error("expected )");
    return inside;
  }

  Result<ExprId> parse_repetitions(ExprId part) {
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
    return builder_.repeat(part, min, max);
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
        return negated ? kSpacesAnywhere : kSpaces;
      case 'S':
        return (negated ? kSpaces : kSpacesAnywhere).complement();
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
  Result<CodePointSet> scalar(char32_t value) const {
    CodePointSet set = one(value);
    if (set.empty() || value > kCodePointMax) return error("the escape stands for no character");
    return set;
  }

  std::string_view text_;
  const RegexOptions& options_;
  GrammarBuilder& builder_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

Result<ExprId> parse_regex(std::string_view regex, const RegexOptions& options, GrammarBuilder& builder) {
  if (regex.size() > limits::kRegexBytesMax) {
    return invalid_request(fmt::format("the regular expression has {} bytes; {} are the most that is taken",
                                       regex.size(), limits::kRegexBytesMax),
                           "Make it shorter.");
  }
  if (!is_valid_utf8(regex)) return invalid_request("the regular expression is not valid UTF-8", kRemedy);
  return RegexParser(regex, options, builder).run();
}

}  // namespace minerva::grammar
