#include "text/tokenizer/split_scanners.h"

#include <algorithm>

#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// A text with its categories; positions are bytes. The end has a category of its own, in no set.
class Cursor {
 public:
  static constexpr std::uint8_t kEnd = 31;

  explicit Cursor(std::string_view text) : text_(text), categories_(categories()) {}

  std::uint8_t category(std::size_t at, std::uint32_t& length) const {
    if (at >= text_.size()) {
      length = 0;
      return kEnd;
    }
    const auto lead = static_cast<unsigned char>(text_[at]);
    if (lead < 0x80) {
      length = 1;
      return categories_[lead];
    }
    const CodePoint c = decode_utf8(text_.data() + at);
    length = c.length;
    return categories_[c.value];
  }
  /// Behind all characters of `set` from `at` on.
  std::size_t skip(std::size_t at, CategorySet set) const {
    for (;;) {
      std::uint32_t length = 0;
      if (!contains(set, category(at, length))) return at;
      at += length;
    }
  }
  char byte(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  bool is_line_break(std::size_t at) const { return byte(at) == '\r' || byte(at) == '\n'; }
  std::size_t size() const { return text_.size(); }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  const CodePointTable& categories_;
};

constexpr CategorySet kAllCategories = ~(CategorySet{1} << Cursor::kEnd);

/// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`, or `at`.
template <bool kAnyCase>
std::size_t skip_contraction(const Cursor& text, std::size_t at) {
  if (text.byte(at) != '\'') return at;
  const auto letter = [&](std::size_t position) -> char {
    const char c = text.byte(position);
    return kAnyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  };
  const char first = letter(at + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const char second = letter(at + 2);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) {
    return at + 3;
  }
  // The long s is an s in another case.
  if (kAnyCase && text.text().substr(at + 1).starts_with("\xC5\xBF")) return at + 3;
  return at;
}

/// `\s+(?!\S)|\s+`, and with kLineBreaks `\s*[\r\n]+` before them: `at` is at white space.
template <bool kLineBreaks>
std::size_t skip_space(const Cursor& text, std::size_t at) {
  std::size_t end = at;
  std::size_t last = at;      // where the last character of the run begins
  std::size_t line_end = at;  // behind the last line break of the run
  for (;;) {
    std::uint32_t length = 0;
    if (text.category(end, length) != kSpace) break;
    if (kLineBreaks && text.is_line_break(end)) line_end = end + 1;
    last = end;
    end += length;
  }
  if (line_end > at) return line_end;
  // The last space before a word is left for the word.
  return end == text.size() || last == at ? end : last;
}

/// ` ?[^\s\p{L}\p{N}]+` and what may follow; `at` where it doesn't match.
template <CategorySet kLetterSet, bool kLineBreaks, bool kSlash>
std::size_t skip_signs(const Cursor& text, std::size_t at) {
  constexpr CategorySet kSigns = kAllCategories & ~(kLetterSet | kNumbers | kWhitespace);
  const std::size_t begin = text.byte(at) == ' ' ? at + 1 : at;
  std::size_t end = text.skip(begin, kSigns);
  if (end == begin) return at;
  if (kLineBreaks) {
    while (text.is_line_break(end) || (kSlash && text.byte(end) == '/')) ++end;
  }
  return end;
}

/// `\p{N}{1,kMax}`
template <unsigned kMax>
std::size_t skip_digits(const Cursor& text, std::size_t at) {
  for (unsigned count = 0; count < kMax; ++count) {
    std::uint32_t length = 0;
    if (!contains(kNumbers, text.category(at, length))) break;
    at += length;
  }
  return at;
}

/// The pattern of cl100k (GPT-4, Llama 3) and of Qwen.
template <unsigned kDigits, CategorySet kLetterSet>
std::size_t scan_cl100k(std::string_view view, std::size_t begin) {
  const Cursor text(view);
  if (const std::size_t end = skip_contraction<true>(text, begin); end > begin) return end;
  std::uint32_t length = 0;
  const std::uint8_t category = text.category(begin, length);
  if (contains(kLetterSet, category)) return text.skip(begin + length, kLetterSet);
  if (contains(kNumbers, category)) return skip_digits<kDigits>(text, begin);
  if (!text.is_line_break(begin)) {
    const std::size_t end = text.skip(begin + length, kLetterSet);
    if (end > begin + length) return end;
  }
  if (const std::size_t end = skip_signs<kLetterSet, true, false>(text, begin); end > begin) return end;
  return skip_space<true>(text, begin);
}

constexpr CategorySet kUpper = set_of(kLu) | set_of(kLt) | set_of(kLm) | set_of(kLo) | kMarks;
constexpr CategorySet kLower = set_of(kLl) | set_of(kLm) | set_of(kLo) | kMarks;

/// `[kUpper]*[kLower]+` at `at`: a word with its capitals first. `at` where it doesn't match; `capitals_end`
/// is behind the leading run of kUpper.
std::size_t skip_cased_word(const Cursor& text, std::size_t at, std::size_t& capitals_end) {
  std::size_t end = at;
  std::size_t shared_end = at;  // behind the last character of the run that is in both sets
  for (;;) {
    std::uint32_t length = 0;
    const std::uint8_t category = text.category(end, length);
    if (!contains(kUpper, category)) break;
    end += length;
    if (contains(kLower, category)) shared_end = end;
  }
  capitals_end = end;
  const std::size_t lower_end = text.skip(end, kLower);
  // Without a small letter, the run gives back to its last character that can stand for one.
  return lower_end > end ? lower_end : shared_end;
}

/// The two alternatives for words: each with and without a sign or space in front.
std::size_t skip_o200k_word(const Cursor& text, std::size_t begin, std::uint8_t category,
                            std::uint32_t length) {
  std::size_t capitals_end = begin;
  const bool can_lead = !contains(kLetters, category) && !text.is_line_break(begin);
  if (can_lead) {
    const std::size_t end = skip_cased_word(text, begin + length, capitals_end);
    if (end > begin + length) return end;
    if (!contains(kMarks, category)) return capitals_end > begin + length ? capitals_end : begin;
  }
  // A letter, or a mark: it can be the word itself.
  const std::size_t end = skip_cased_word(text, begin, capitals_end);
  return end > begin ? end : capitals_end;
}

/// The pattern of o200k (GPT-4o, GPT-OSS) and of Mistral's Tekken.
template <unsigned kDigits, bool kContractions>
std::size_t scan_o200k(std::string_view view, std::size_t begin) {
  const Cursor text(view);
  std::uint32_t length = 0;
  const std::uint8_t category = text.category(begin, length);
  if (contains(kNumbers, category)) return skip_digits<kDigits>(text, begin);
  std::size_t end = skip_o200k_word(text, begin, category, length);
  if (end > begin) return kContractions ? skip_contraction<true>(text, end) : end;
  if (end = skip_signs<kLetters, true, true>(text, begin); end > begin) return end;
  return skip_space<true>(text, begin);
}

constexpr CategorySet kLettersAndMarks = kLetters | kMarks;

constexpr std::array<KnownPattern, 7> kPatterns = {{
    {"gpt2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", scan_gpt2},
    {"gpt2-grouped", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", scan_gpt2},
    {"cl100k",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_cl100k<3, kLetters>},
    {"qwen2",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_cl100k<1, kLetters>},
    {"qwen3.5",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_cl100k<1, kLettersAndMarks>},
    {"o200k",
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_o200k<3, true>},
    {"tekken",
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_o200k<1, false>},
}};

}  // namespace

std::size_t scan_gpt2(std::string_view view, std::size_t begin) {
  const Cursor text(view);
  if (const std::size_t end = skip_contraction<false>(text, begin); end > begin) return end;
  const std::size_t word = text.byte(begin) == ' ' ? begin + 1 : begin;
  std::uint32_t length = 0;
  const std::uint8_t category = text.category(word, length);
  if (contains(kLetters, category)) return text.skip(word + length, kLetters);
  if (contains(kNumbers, category)) return text.skip(word + length, kNumbers);
  if (const std::size_t end = skip_signs<kLetters, false, false>(text, begin); end > begin) return end;
  return skip_space<false>(text, begin);
}

const std::array<KnownPattern, 7>& known_patterns() noexcept {
  return kPatterns;
}

SplitScanner find_scanner(std::string_view regex) noexcept {
  const auto* found =
      std::ranges::find_if(kPatterns, [&](const KnownPattern& known) { return known.regex == regex; });
  return found == kPatterns.end() ? nullptr : found->scanner;
}

}  // namespace minerva::tokenizers
