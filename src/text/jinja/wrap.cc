#include "text/jinja/wrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "text/jinja/budget.h"
#include "text/jinja/raise.h"
#include "text/jinja/regular_expression.h"
#include "text/jinja/strings.h"
#include "text/jinja/unicode.h"

namespace minerva::jinja {
namespace {

constexpr std::string_view kSpace = "\t\n\x0b\x0c\r ";

/// What str.strip() leaves nothing of.
bool is_stripped(std::string_view text) {
  return strip(text, std::nullopt, true, true).empty();
}

/// Words and the white space between them; words also end behind hyphens if `at_hyphens`.
std::vector<std::string_view> chunks_of(std::string_view text, bool at_hyphens) {
  static const RegularExpression kHyphenated(R"re(
      [\t\n\x0b\x0c\r\x20]+
    | (?<=[\w!"'&.,?]) -{2,} (?=\w)
    | [^\t\n\x0b\x0c\r\x20]+? (?:
          -(?: (?<=[^\d\W]{2}-) | (?<=[^\d\W]-[\w!"'&.,?]-)) (?= [^\d\W] -? [^\d\W])
        | (?=[\t\n\x0b\x0c\r\x20]|\z)
        | (?<=[\w!"'&.,?]) (?=-{2,}\w)
      ))re");
  std::vector<std::string_view> chunks;
  std::size_t from = 0;
  while (from < text.size()) {
    std::size_t end = text.size();
    if (at_hyphens) {
      if (const auto match = kHyphenated.find(text, from); match && match->begin == from) {
        end = match->end;
      } else if (match) {
        end = match->begin;
      }
    } else {
      const bool blank = kSpace.find(text[from]) != std::string_view::npos;
      end = std::min(blank ? text.find_first_not_of(kSpace, from) : text.find_first_of(kSpace, from),
                     text.size());
    }
    chunks.push_back(text.substr(from, end - from));
    from = end;
    spend(1 + (end - chunks.back().size()) / 64);
  }
  return chunks;
}

class Wrapper {
 public:
  Wrapper(std::string_view text, const WrapStyle& style)
      : style_(style), chunks_(chunks_of(text, style.breaks_at_hyphens)) {
    std::ranges::reverse(chunks_);
  }

  std::vector<std::string> run() {
    std::vector<std::string> lines;
    while (!chunks_.empty()) {
      if (!lines.empty() && is_stripped(chunks_.back())) chunks_.pop_back();
      std::vector<std::string_view> line = take_line();
      if (!line.empty() && is_stripped(line.back())) line.pop_back();
      if (line.empty()) continue;
      std::string joined;
      for (const std::string_view chunk : line) joined += chunk;
      lines.push_back(std::move(joined));
    }
    return lines;
  }

 private:
  static std::int64_t length(std::string_view text) {
    return static_cast<std::int64_t>(count_code_points(text));
  }

  std::vector<std::string_view> take_line() {
    std::vector<std::string_view> line;
    std::int64_t taken = 0;
    while (!chunks_.empty() && taken + length(chunks_.back()) <= style_.width) {
      spend(1);
      taken += length(chunks_.back());
      line.push_back(chunks_.back());
      chunks_.pop_back();
    }
    if (!chunks_.empty() && length(chunks_.back()) > style_.width) take_long_word(line, taken);
    return line;
  }

  void take_long_word(std::vector<std::string_view>& line, std::int64_t taken) {
    const std::int64_t left = std::max<std::int64_t>(style_.width < 1 ? 1 : style_.width - taken, 0);
    std::string_view& word = chunks_.back();
    spend(1 + word.size() / 64);
    if (style_.breaks_long_words) {
      std::size_t end = offset_of(word, static_cast<std::size_t>(left));
      if (style_.breaks_at_hyphens && length(word) > left) {
        const std::size_t hyphen = word.substr(0, end).rfind('-');
        const bool follows_word = hyphen != std::string_view::npos && hyphen > 0 &&
                                  word.substr(0, hyphen).find_first_not_of('-') != std::string_view::npos;
        if (follows_word) end = hyphen + 1;
      }
      line.push_back(word.substr(0, end));
      word.remove_prefix(end);
    } else if (line.empty()) {
      line.push_back(word);
      chunks_.pop_back();
    }
  }

  const WrapStyle& style_;
  std::vector<std::string_view> chunks_;  ///< the next one last
};

}  // namespace

std::vector<std::string> wrapped(std::string_view text, const WrapStyle& style) {
  if (style.width <= 0) raise_value_error(fmt::format("invalid width {} (must be > 0)", style.width));
  return Wrapper(text, style).run();
}

}  // namespace minerva::jinja
