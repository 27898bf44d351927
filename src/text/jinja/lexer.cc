#include "text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/operators.h"
#include "text/jinja/raise.h"
#include "text/jinja/text.h"
#include "text/jinja/unicode.h"
#include "text/jinja/unicode_names.h"

namespace minerva::jinja {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 26> kOperatorNames = {
    {{"//", "floordiv"}, {"**", "pow"},   {"==", "eq"},      {"!=", "ne"},      {">=", "gteq"},
     {"<=", "lteq"},     {"+", "add"},    {"-", "sub"},      {"/", "div"},      {"*", "mul"},
     {"%", "mod"},       {"~", "tilde"},  {"[", "lbracket"}, {"]", "rbracket"}, {"(", "lparen"},
     {")", "rparen"},    {"{", "lbrace"}, {"}", "rbrace"},   {">", "gt"},       {"<", "lt"},
     {"=", "assign"},    {".", "dot"},    {":", "colon"},    {"|", "pipe"},     {",", "comma"},
     {";", "semicolon"}}};

/// Line ends as "\n", the last one dropped.
std::string with_plain_line_ends(std::string_view source) {
  std::string plain;
  plain.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      plain += source[i];
    } else {
      plain += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (plain.ends_with('\n')) plain.pop_back();
  return plain;
}

bool is_digit_of(char c, int base) {
  if (base == 16) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  return c >= '0' && c < '0' + base;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::size_t tokens_max)
      : plain_(with_plain_line_ends(source)), source_(plain_), tokens_max_(tokens_max) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) read_root();
    add(TokenType::End, line_);
    return std::move(tokens_);
  }

 private:
  // ---- outside of tags

  /// Text up to the next tag, then that tag.
  void read_root() {
    const std::size_t tag = find_tag(at_);
    if (tag == std::string_view::npos) {
      add_data(source_.substr(at_));
      at_ = source_.size();
      return;
    }
    const char kind = source_[tag + 1];
    const std::string_view before = source_.substr(at_, tag - at_);
    const char sign = tag + 2 < source_.size() && (source_[tag + 2] == '-' || source_[tag + 2] == '+')
                          ? source_[tag + 2]
                          : '\0';
    const std::string_view kept = strip_before(before, sign, kind != '{');
    add_data(kept);
    line_ += lines_in(before.substr(kept.size()));
    at_ = tag + 2 + (sign != '\0' ? 1 : 0);
    if (kind == '#') return skip_comment();
    if (kind == '%' && skip_raw_begin()) return read_raw();
    read_tag(kind);
  }

  std::size_t find_tag(std::size_t from) const {
    for (std::size_t i = from; i + 1 < source_.size(); ++i) {
      i = source_.find('{', i);
      if (i == std::string_view::npos || i + 1 >= source_.size()) break;
      const char kind = source_[i + 1];
      if (kind == '%' || kind == '{' || kind == '#') return i;
    }
    return std::string_view::npos;
  }

  /// What is left of the text before a tag. A block or comment that begins its line swallows its indentation.
  std::string_view strip_before(std::string_view text, char sign, bool is_block) const {
    if (sign == '-') return strip_right(text);
    if (sign == '+' || !is_block) return text;
    const std::size_t line_start = text.rfind('\n') == std::string_view::npos ? 0 : text.rfind('\n') + 1;
    const bool begins_line = line_start > 0 || at_line_start_;
    if (!begins_line || line_start == text.size()) return text;
    const bool is_blank = strip_right(text.substr(line_start)).empty();
    return is_blank ? text.substr(0, line_start) : text;
  }

  static std::string_view strip_right(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0) {
      std::size_t start = end - 1;
      while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
      if (!is_space(CodePoints(text.substr(start)).next())) break;
      end = start;
    }
    return text.substr(0, end);
  }

  void skip_comment() {
    const std::uint32_t line = line_;
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) raise_syntax_error("Missing end of comment tag", line);
    const char sign = end > at_ ? source_[end - 1] : '\0';
    move_to(end);
    finish_tag(end + 2, sign);
  }

  /// The end of a block or comment: after `-` no white space, after nothing no line end.
  void finish_tag(std::size_t end, char sign) {
    at_line_start_ = false;
    if (sign == '-') {
      move_to(end);
      skip_space();
    } else if (sign != '+' && end < source_.size() && source_[end] == '\n') {
      move_to(end + 1);
    } else {
      move_to(end);
    }
    at_line_start_ = source_[at_ - 1] == '\n';
  }

  // ---- raw blocks

  /// At what follows `{%`: whether a raw block begins; its text is read next.
  bool skip_raw_begin() {
    std::size_t at = after_space(at_);
    if (source_.substr(at, 3) != "raw") return false;
    at = after_space(at + 3);
    const bool strips = at < source_.size() && source_[at] == '-';
    if (strips) ++at;
    if (source_.substr(at, 2) != "%}") return false;
    move_to(at + 2);
    at_line_start_ = false;
    if (strips) skip_space();
    at_line_start_ = source_[at_ - 1] == '\n';
    return true;
  }

  void read_raw() {
    const std::uint32_t line = line_;
    for (std::size_t tag = source_.find("{%", at_); tag != std::string_view::npos;
         tag = source_.find("{%", tag + 1)) {
      spend(1);
      std::size_t at = tag + 2;
      const char sign =
          at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
      at = after_space(at + (sign != '\0' ? 1 : 0));
      if (source_.substr(at, 6) != "endraw") continue;
      at = after_space(at + 6);
      const char end_sign =
          at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
      if (end_sign != '\0') ++at;
      if (source_.substr(at, 2) != "%}") continue;
      const std::string_view text = source_.substr(at_, tag - at_);
      const std::string_view kept = strip_before(text, sign, true);
      add_data(kept);
      line_ += lines_in(text.substr(kept.size()));
      at_ = tag;
      return finish_tag(at + 2, end_sign);
    }
    raise_syntax_error("Missing end of raw directive", line);
  }

  // ---- inside of tags

  void read_tag(char kind) {
    const bool is_block = kind == '%';
    add(is_block ? TokenType::BlockBegin : TokenType::VariableBegin, line_);
    open_.clear();
    while (true) {
      if (open_.empty() && read_tag_end(is_block)) return;
      if (at_ >= source_.size()) return;
      read_token();
    }
  }

  bool read_tag_end(bool is_block) {
    std::size_t at = at_;
    const char sign =
        at < source_.size() && (source_[at] == '-' || (is_block && source_[at] == '+')) ? source_[at] : '\0';
    if (sign != '\0') ++at;
    if (source_.substr(at, 2) != (is_block ? "%}" : "}}")) return false;
    add(is_block ? TokenType::BlockEnd : TokenType::VariableEnd, line_);
    // Only a block swallows the line end behind it.
    finish_tag(at + 2, is_block || sign == '-' ? sign : '+');
    return true;
  }

  void read_token() {
    const char c = source_[at_];
    const char32_t point = CodePoints(source_.substr(at_)).next();
    if (is_space(point)) return skip_space();
    if (c >= '0' && c <= '9') return read_number();
    if (is_identifier_part(point) || (point >= 0x80 && is_word(point))) return read_name();
    if ((c == '"' || c == '\'') && read_string(c)) return;
    read_operator(point);
  }

  void read_name() {
    const std::size_t from = at_;
    CodePoints points(source_.substr(at_));
    std::size_t size = 0;
    bool is_valid = true;
    while (!points.done()) {
      const char32_t c = points.next();
      if (!is_identifier_part(c) && !is_word(c)) break;
      if (size == 0 ? !is_identifier_start(c) : !is_identifier_part(c)) is_valid = false;
      size = points.offset();
    }
    if (!is_valid) raise_syntax_error("Invalid character in identifier", line_);
    at_ += size;
    add(TokenType::Name, line_).text = source_.substr(from, size);
  }

  /// Digits with single underscores between them.
  std::size_t digits_end(std::size_t at, int base) const {
    if (at >= source_.size() || !is_digit_of(source_[at], base)) return at;
    while (at < source_.size()) {
      if (is_digit_of(source_[at], base)) {
        ++at;
      } else if (source_[at] == '_' && at + 1 < source_.size() && is_digit_of(source_[at + 1], base)) {
        at += 2;
      } else {
        break;
      }
    }
    return at;
  }

  char char_at(std::size_t at) const { return at < source_.size() ? source_[at] : '\0'; }

  /// The end of a float at `at`, or `at`.
  std::size_t float_end(std::size_t at) const {
    if (at > 0 && source_[at - 1] == '.') return at;
    const std::size_t whole = digits_end(at, 10);
    std::size_t end = whole;
    if (char_at(end) == '.') {
      const std::size_t fraction = digits_end(end + 1, 10);
      if (fraction > end + 1) end = fraction;
    }
    if (char_at(end) == 'e' || char_at(end) == 'E') {
      const std::size_t sign = char_at(end + 1) == '+' || char_at(end + 1) == '-' ? 1 : 0;
      const std::size_t exponent = digits_end(end + 1 + sign, 10);
      if (exponent > end + 1 + sign) return exponent;
    }
    return end == whole ? at : end;
  }

  /// The end of an integer and its base. A zero stands alone: jinja2 reads "012" as 0 and 12.
  std::pair<std::size_t, int> integer_end() const {
    if (source_[at_] != '0') return {digits_end(at_, 10), 10};
    constexpr std::array<std::pair<char, int>, 3> kBases = {{{'b', 2}, {'o', 8}, {'x', 16}}};
    for (const auto& [letter, base] : kBases) {
      if ((char_at(at_ + 1) | 0x20) != letter) continue;
      const std::size_t start = at_ + 2 + (char_at(at_ + 2) == '_' ? 1 : 0);
      const std::size_t end = digits_end(start, base);
      if (end > start) return {end, base};
    }
    return {digits_end(at_, 1), 10};
  }

  void read_number() {
    if (const std::size_t end = float_end(at_); end > at_) {
      add(TokenType::Float, line_).number = Value(*parse_real(without_underscores(end)));
      at_ = end;
      return;
    }
    const auto [end, base] = integer_end();
    const std::string digits = without_underscores(end);
    const auto number = parse_integer(base == 10 ? digits : digits.substr(2), base);
    if (!number) raise_syntax_error("Exceeds the limit (4300 digits) for integer string conversion", line_);
    add(TokenType::Integer, line_).number = *number;
    at_ = end;
  }

  std::string without_underscores(std::size_t end) const {
    std::string digits(source_.substr(at_, end - at_));
    std::erase(digits, '_');
    return digits;
  }

  bool read_string(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return false;
    const std::string_view raw = source_.substr(at_ + 1, end - at_ - 1);
    Token& token = add(TokenType::String, line_);
    token.text = unescape(raw);
    move_to(end + 1);
    return true;
  }

  /// Python's escapes.
  std::string unescape(std::string_view raw) const {
    if (raw.find('\\') == std::string_view::npos) return std::string(raw);
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\') {
        out += raw[i];
        continue;
      }
      ++i;
      constexpr std::string_view kLetters = "abfnrtv\\'\"";
      constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
      const std::size_t letter = kLetters.find(raw[i]);
      if (letter != std::string_view::npos) {
        out += kMeanings[letter];
      } else if (raw[i] == 'x' || raw[i] == 'u' || raw[i] == 'U') {
        i += append_hex(out, raw.substr(i));
      } else if (raw[i] >= '0' && raw[i] <= '7') {
        char32_t c = 0;
        std::size_t count = 0;
        while (count < 3 && i + count < raw.size() && is_digit_of(raw[i + count], 8))
          c = c * 8 + static_cast<char32_t>(raw[i + count++] - '0');
        append_code_point(out, c);
        i += count - 1;
      } else if (raw[i] == 'N') {
        i += append_named(out, raw.substr(i));
      } else if (raw[i] != '\n') {
        out += '\\';
        out += raw[i];
      }
    }
    return out;
  }

  /// "x41", "u0041" or "U00000041" at the start of `text`; returns the count of digits.
  std::size_t append_hex(std::string& out, std::string_view text) const {
    const std::size_t wanted = text[0] == 'x' ? 2 : text[0] == 'u' ? 4 : 8;
    char32_t c = 0;
    for (std::size_t i = 1; i <= wanted; ++i) {
      if (i >= text.size() || !is_digit_of(text[i], 16)) {
        const std::string_view form = wanted == 2 ? "\\xXX" : wanted == 4 ? "\\uXXXX" : "\\UXXXXXXXX";
        raise_syntax_error(fmt::format("truncated {} escape", form), line_);
      }
      const char digit = text[i];
      c = c * 16 + static_cast<char32_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (c > 0x10FFFF) raise_syntax_error("illegal Unicode character", line_);
    if (c >= 0xD800 && c < 0xE000) raise_syntax_error("a surrogate is not a character", line_);
    append_code_point(out, c);
    return wanted;
  }

  /// "N{BULLET}" at the start of `text`; returns its length less one.
  std::size_t append_named(std::string& out, std::string_view text) const {
    const std::size_t end = text.find('}');
    if (text.size() < 2 || text[1] != '{' || end == std::string_view::npos)
      raise_syntax_error("malformed \\N character escape", line_);
    const char32_t c = character_named(text.substr(2, end - 2));
    if (c == 0) raise_syntax_error("unknown Unicode character name", line_);
    append_code_point(out, c);
    return end;
  }

  void read_operator(char32_t point) {
    for (const auto& [symbol, name] : kOperatorNames) {
      if (!source_.substr(at_).starts_with(symbol)) continue;
      check_balance(symbol[0]);
      add(TokenType::Operator, line_).text = symbol;
      at_ += symbol.size();
      return;
    }
    std::string character;
    append_code_point(character, point);
    raise_syntax_error(fmt::format("unexpected char {} at {}", repr_of_text(character),
                                   count_code_points(source_.substr(0, at_))),
                       line_);
  }

  void check_balance(char symbol) {
    constexpr std::string_view kOpening = "{([";
    constexpr std::string_view kClosing = "})]";
    const std::size_t opening = kOpening.find(symbol);
    if (opening != std::string_view::npos) {
      open_.push_back(kClosing[opening]);
    } else if (kClosing.find(symbol) != std::string_view::npos) {
      if (open_.empty()) raise_syntax_error(fmt::format("unexpected '{}'", symbol), line_);
      if (open_.back() != symbol)
        raise_syntax_error(fmt::format("unexpected '{}', expected '{}'", symbol, open_.back()), line_);
      open_.pop_back();
    }
  }

  // ---- moving on

  std::size_t after_space(std::size_t at) const {
    while (at < source_.size()) {
      CodePoints points(source_.substr(at));
      if (!is_space(points.next())) break;
      at += points.offset();
    }
    return at;
  }
  void skip_space() { move_to(after_space(at_)); }

  static std::uint32_t lines_in(std::string_view text) {
    return static_cast<std::uint32_t>(std::ranges::count(text, '\n'));
  }
  void move_to(std::size_t to) {
    line_ += lines_in(source_.substr(at_, to - at_));
    at_ = to;
  }

  void add_data(std::string_view text) {
    if (text.empty()) return;
    add(TokenType::Data, line_).text = text;
    line_ += lines_in(text);
  }

  Token& add(TokenType type, std::uint32_t line) {
    spend(1);
    if (tokens_.size() >= tokens_max_) raise_limit(fmt::format("it has more than {} tokens", tokens_max_));
    Token& token = tokens_.emplace_back();
    token.type = type;
    token.line = line;
    return token;
  }

  std::string plain_;
  std::string_view source_;
  std::size_t tokens_max_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  bool at_line_start_ = true;  ///< nothing but whole lines stand before `at_`
  std::string open_;           ///< the brackets that would close those that are open
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, std::size_t tokens_max) {
  return Lexer(source, tokens_max).run();
}

std::string describe_symbol(std::string_view symbol) {
  return std::string(symbol);
}

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::Data:
      return "template data / text";
    case TokenType::VariableBegin:
      return "begin of print statement";
    case TokenType::VariableEnd:
      return "end of print statement";
    case TokenType::BlockBegin:
      return "begin of statement block";
    case TokenType::BlockEnd:
      return "end of statement block";
    case TokenType::Integer:
      return "integer";
    case TokenType::Float:
      return "float";
    case TokenType::String:
      return "string";
    case TokenType::End:
      return "end of template";
    case TokenType::Name:
    case TokenType::Operator:
      break;
  }
  return token.text;
}

}  // namespace minerva::jinja
