#include "text/tokenizer/regex_syntax.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <vector>

#include "text/tokenizer/regex_classes.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr const char* kRemedy = "Check the pattern in tokenizer.json against Oniguruma's syntax.";
constexpr int kRepeatMax = 65535;  // PCRE2's limit
constexpr std::size_t kGroupsOpenMax = 200;

std::unexpected<Error> bad(std::string what) {
  return model_loading(std::move(what), kRemedy);
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size()) {
      MINERVA_TRY(step());
      if (out_.size() > 16 * kRegexBytesMax) return bad("the pattern is too large");
    }
    if (!groups_.empty()) return bad("a group lacks its \")\"");
    out_.append(open_options_, ')');
    return std::move(out_);
  }

 private:
  struct Group {
    std::size_t start;         // in out_
    std::size_t open_options;  // of the group around it
  };
  struct Interval {
    int least = 0;
    std::optional<int> most;
  };

  Result<void> step() {
    const char c = in_[at_];
    switch (c) {
      case '\\':
        return escape();
      case '[': {
        MINERVA_ASSIGN(const CharacterSet set, parse_class(in_, at_));
        atom(to_expression(set));
        return {};
      }
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '*':
      case '+':
      case '?':
      case '{':
        return quantifier();
      case '|':
        atom_ = std::string::npos;
        out_ += in_[at_++];
        return {};
      case '^':
      case '$':
      case '.':
        atom(std::string(1, c));
        ++at_;
        return {};
      default: {
        const CodePoint literal = decode_utf8(in_.data() + at_);
        atom(literal_character(literal.value));
        at_ += literal.length;
        return {};
      }
    }
  }

  void atom(const std::string& text) {
    atom_ = out_.size();
    quantified_ = false;
    out_ += text;
  }

  void boundary(bool negated) {
    CharacterSet word = *shorthand_set('w', /*in_class=*/false);
    const std::string w = to_expression(word);
    atom(negated ? fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", w)
                 : fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", w));
  }

  Result<void> escape() {
    if (at_ + 1 >= in_.size()) return bad("a pattern ends with a backslash");
    if (const auto c = parse_character_escape(in_, at_)) {
      atom(literal_character(*c));
      return {};
    }
    const char letter = in_[at_ + 1];
    at_ += 2;
    if (const auto set = shorthand_set(letter, /*in_class=*/false)) {
      atom(to_expression(*set));
      return {};
    }
    switch (letter) {
      case 'p':
      case 'P': {
        const auto name = parse_braced(in_, at_);
        if (!name) return bad("\\p needs a name in braces");
        MINERVA_ASSIGN(const CharacterSet set, property_set(*name, letter == 'P'));
        atom(to_expression(set));
        return {};
      }
      case 'b':
      case 'B':
        boundary(letter == 'B');
        return {};
      case 'N':
        atom("[^\\n]");
        return {};
      case 'O':
        atom("(?s:.)");
        return {};
      case 'A':
      case 'Z':
      case 'z':
      case 'G':
      case 'R':
      case 'X':
      case 'K':
        atom(std::string("\\") + letter);
        return {};
      case 'k':
      case 'g':
        return reference(letter);
      default:
        if (letter >= '1' && letter <= '9') {
          std::string number(1, letter);
          while (at_ < in_.size() && std::isdigit(static_cast<unsigned char>(in_[at_])) != 0 &&
                 number.size() < 4) {
            number += in_[at_++];
          }
          atom(fmt::format("\\g{{{}}}", number));
          return {};
        }
        if (letter == 'c' || letter == 'C' || letter == 'M' || letter == 'y' || letter == 'Y' ||
            letter == 'x' || letter == 'u') {
          return bad(fmt::format("the escape \\{} is not supported", letter));
        }
        atom(std::string(1, letter));  // an escaped letter that means nothing is itself
        return {};
    }
  }

  /// \k<name>, \g<name>
  Result<void> reference(char letter) {
    const std::size_t end = in_.find('>', at_);
    if (at_ >= in_.size() || in_[at_] != '<' || end == std::string_view::npos || end - at_ > 64) {
      return bad(fmt::format("\\{} needs a name in angle brackets", letter));
    }
    atom(fmt::format("\\{}{}", letter, in_.substr(at_, end + 1 - at_)));
    at_ = end + 1;
    return {};
  }

  void push_group(std::string_view opening) {
    groups_.push_back({out_.size(), open_options_});
    open_options_ = 0;
    atom_ = std::string::npos;
    out_ += opening;
  }

  Result<void> open_group() {
    if (groups_.size() >= kGroupsOpenMax) return bad("groups are nested too deeply");
    const std::string_view rest = in_.substr(at_);
    if (!rest.starts_with("(?")) {
      push_group("(");
      ++at_;
      return {};
    }
    if (rest.starts_with("(?#")) {
      const std::size_t end = rest.find(')');
      if (end == std::string_view::npos) return bad("a comment lacks its \")\"");
      at_ += end + 1;
      return {};
    }
    for (const std::string_view opening : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (rest.starts_with(opening)) {
        push_group(opening);
        at_ += opening.size();
        return {};
      }
    }
    if (rest.starts_with("(?<")) {
      const std::size_t end = rest.find('>');
      if (end > 64) return bad("a group's name lacks its \">\"");
      push_group(rest.substr(0, end + 1));
      at_ += end + 1;
      return {};
    }
    return options(rest);
  }

  /// (?imx-imx) and (?imx-imx:...). What Oniguruma calls m, PCRE2 calls s.
  Result<void> options(std::string_view rest) {
    std::string flags;
    std::size_t i = 2;
    for (; i < rest.size() && rest[i] != ')' && rest[i] != ':'; ++i) {
      const char flag = rest[i];
      if (flag == 'i' || flag == '-') {
        flags += flag;
      } else if (flag == 'm' || flag == 's') {
        flags += 's';
      } else {
        return bad(fmt::format("the group {} is not supported", rest.substr(0, i + 1)));
      }
    }
    if (i == rest.size()) return bad("a group lacks its \")\"");
    const std::string opening = "(?" + flags + ":";
    at_ += i + 1;
    if (rest[i] == ':') {
      push_group(opening);
      return {};
    }
    // Without a colon the options hold up to the end of the group around, alternatives included.
    out_ += opening;
    ++open_options_;
    atom_ = std::string::npos;
    return {};
  }

  Result<void> close_group() {
    if (groups_.empty()) return bad("a \")\" has no group to close");
    out_.append(open_options_, ')');
    out_ += ')';
    atom_ = groups_.back().start;
    quantified_ = false;
    open_options_ = groups_.back().open_options;
    groups_.pop_back();
    ++at_;
    return {};
  }

  /// {n}, {n,}, {n,m}, {,m} at `at_`; nothing when the brace is a literal.
  std::optional<Interval> parse_interval(std::size_t& end) const {
    std::size_t i = at_ + 1;
    const auto number = [&]() -> std::optional<int> {
      if (i >= in_.size() || std::isdigit(static_cast<unsigned char>(in_[i])) == 0) return std::nullopt;
      int value = 0;
      for (; i < in_.size() && std::isdigit(static_cast<unsigned char>(in_[i])) != 0; ++i) {
        value = std::min(value * 10 + (in_[i] - '0'), kRepeatMax + 1);
      }
      return value;
    };
    Interval interval;
    const auto least = number();
    interval.least = least.value_or(0);
    interval.most = least;
    if (i < in_.size() && in_[i] == ',') {
      ++i;
      interval.most = number();
      if (!least && !interval.most) return std::nullopt;
    } else if (!least) {
      return std::nullopt;
    }
    if (i >= in_.size() || in_[i] != '}') return std::nullopt;
    end = i + 1;
    return interval;
  }

  Result<void> quantifier() {
    std::string base(1, in_[at_]);
    std::size_t end = at_ + 1;
    bool is_interval = false;
    bool is_exact = false;
    if (in_[at_] == '{') {
      const auto interval = parse_interval(end);
      if (!interval) {
        atom("\\{");
        ++at_;
        return {};
      }
      if (interval->least > kRepeatMax || interval->most.value_or(0) > kRepeatMax) {
        return bad(fmt::format("a repeat count is larger than {}", kRepeatMax));
      }
      is_interval = true;
      is_exact =
          interval->most == interval->least && in_.substr(at_, end - at_).find(',') == std::string_view::npos;
      base = interval->most ? fmt::format("{{{},{}}}", interval->least, *interval->most)
                            : fmt::format("{{{},}}", interval->least);
    }
    if (atom_ == std::string::npos) return bad("a repeat has nothing to repeat");
    at_ = end;
    if (quantified_) wrap();
    // After an interval, "+" is another repeat, not possessive; so is "?" after "{n}".
    if (at_ < in_.size() && ((in_[at_] == '?' && !is_exact) || (in_[at_] == '+' && !is_interval)))
      base += in_[at_++];
    out_ += base;
    quantified_ = true;
    return {};
  }

  void wrap() {
    out_.insert(atom_, "(?:");
    out_ += ')';
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
  std::size_t atom_ = std::string::npos;  // where the last atom begins in out_
  bool quantified_ = false;
  std::vector<Group> groups_;
  std::size_t open_options_ = 0;
};

}  // namespace

Result<std::string> to_pcre2_syntax(std::string_view pattern) {
  if (pattern.size() > kRegexBytesMax) {
    return bad(fmt::format("the pattern has {} bytes, more than {}", pattern.size(), kRegexBytesMax));
  }
  return Translator(pattern).run();
}

}  // namespace minerva::tokenizers
