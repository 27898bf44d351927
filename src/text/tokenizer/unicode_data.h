// Tables that utf8proc does not have.
#pragma once

#include <array>
#include <cstdint>

namespace minerva::tokenizers {

/// The general category (numbered as utf8proc does) of code points that Unicode 15 and 16 added or
/// changed: the reference tokenizers know them, PCRE2 10.42 (Unicode 14) and utf8proc 2.8 (15.0) do not.
struct CategoryRange {
  char32_t first;
  char32_t last;
  std::uint8_t category;
};
extern const std::array<CategoryRange, 127> kNewerCategories;

/// Code points that came after Unicode 8: `version` is 9, or 10 for 10 and later. The reference tokenizers
/// normalise as Unicode 9 and know punctuation as of Unicode 8.
struct AgeRange {
  char32_t first;
  char32_t last;
  std::uint8_t version;
};
extern const std::array<AgeRange, 173> kAgeRanges;

/// Scripts as of Unicode 9, with Hiragana and Katakana counted as Han (the UnicodeScripts pre-tokenizer
/// does). A number names a script; code points in no range have none.
struct ScriptRange {
  char32_t first;
  char32_t last;
  std::uint8_t script;
};
extern const std::array<ScriptRange, 448> kScriptRanges;

}  // namespace minerva::tokenizers
