#include "text/tokenizer/unicode_tables.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <string>

#include "text/tokenizer/unicode_data.h"

namespace minerva::tokenizers {

namespace {

struct LowerRange {
  char32_t first;
  char32_t last;
  std::int32_t delta;
};
/// Capitals that came after Unicode 15.
constexpr std::array<LowerRange, 11> kNewerCapitals = {{{0x1C89, 0x1C89, 1},
                                                        {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
                                                        {0xA7CC, 0xA7CC, 1},
                                                        {0xA7CE, 0xA7CE, 1},
                                                        {0xA7D2, 0xA7D2, 1},
                                                        {0xA7D4, 0xA7D4, 1},
                                                        {0xA7DA, 0xA7DA, 1},
                                                        {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
                                                        {0x10D50, 0x10D65, 0x20},
                                                        {0x16EA0, 0x16EB8, 0x1B},
                                                        {0x110000, 0x110000, 0}}};

template <class Ranges>
auto find_range(const Ranges& ranges, char32_t c) -> decltype(ranges.data()) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t value, const auto& range) { return value < range.first; });
  if (after == ranges.begin()) return nullptr;
  const auto& range = *(after - 1);
  return c <= range.last ? &range : nullptr;
}

std::uint8_t age_of(char32_t c) {
  const auto* range = find_range(kAgeRanges, c);
  return range == nullptr ? 8 : range->version;
}

std::uint8_t category_of(char32_t c) {
  if (is_white_space(c)) return kSpace;
  if (const auto* range = find_range(kNewerCategories, c)) return range->category;
  return static_cast<std::uint8_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
}

}  // namespace

CodePointTable::CodePointTable(const std::function<std::uint8_t(char32_t)>& value_of) {
  std::map<std::string, std::uint16_t> seen;
  std::string block(kBlockSize, '\0');
  for (std::size_t index = 0; index < index_.size(); ++index) {
    for (std::size_t i = 0; i < kBlockSize; ++i) {
      block[i] = static_cast<char>(value_of(static_cast<char32_t>((index << kBlockBits) | i)));
    }
    const auto [entry, is_new] =
        seen.try_emplace(block, static_cast<std::uint16_t>(blocks_.size() >> kBlockBits));
    if (is_new) blocks_.insert(blocks_.end(), block.begin(), block.end());
    index_[index] = entry->second;
  }
  std::copy_n(blocks_.begin(), ascii_.size(), ascii_.begin());
}

const CodePointTable& categories() {
  static const CodePointTable table(category_of);
  return table;
}

bool is_white_space(char32_t c) noexcept {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) noexcept {
  constexpr CategorySet kWord = kLetters | kMarks | set_of(kNd) | set_of(kNl) | set_of(kPc);
  if (contains(kWord, categories()[c])) return true;
  // Alphabetic symbols, and the two joiners.
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C || c == 0x200D;
}

bool is_numeric(char32_t c) noexcept {
  // The second and third: digits of Unicode 17.
  return contains(kNumbers, categories()[c]) || (c >= 0x11DE0 && c <= 0x11DE9) ||
         (c >= 0x16FF4 && c <= 0x16FF6);
}

bool is_punctuation(char32_t c) noexcept {
  if (c < 0x80)
    return (c > 0x20 && c < 0x30) || (c > 0x39 && c < 0x41) || (c > 0x5A && c < 0x61) ||
           (c > 0x7A && c < 0x7F);
  // Two were punctuation then and no longer are.
  if (c == 0x166D || c == 0x111C9) return true;
  return contains(kPunctuation, categories()[c]) && age_of(c) <= 8;
}

bool is_nonspacing_mark(char32_t c) noexcept {
  return categories()[c] == kMn && age_of(c) <= 8;
}

bool is_combining_mark(char32_t c) noexcept {
  if (c == 0x1CF2 || c == 0x1CF3) return true;  // letters since Unicode 11
  if (c == 0x111C9) return false;               // a mark since Unicode 11
  return contains(kMarks, categories()[c]) && age_of(c) <= 9;
}

bool is_newer_format_character(char32_t c) noexcept {
  return age_of(c) > 8;
}

bool is_after_unicode9(char32_t c) noexcept {
  return age_of(c) > 9;
}

std::uint8_t script_of(char32_t c) noexcept {
  if (categories()[c] == kUnassigned) return 0;
  const auto* range = find_range(kScriptRanges, c);
  return range == nullptr ? 0 : range->script;
}

std::array<char32_t, 2> to_lower(char32_t c) noexcept {
  if (c < 0x80) return {(c >= 'A' && c <= 'Z') ? c + 0x20 : c, 0};
  if (c == 0x130) return {'i', 0x307};
  if (const auto* range = find_range(kNewerCapitals, c)) {
    return {static_cast<char32_t>(static_cast<std::int32_t>(c) + range->delta), 0};
  }
  return {static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), 0};
}

}  // namespace minerva::tokenizers
