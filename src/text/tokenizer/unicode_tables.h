// Properties of characters, as the reference tokenizers see them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace minerva::tokenizers {

/// General categories, numbered as utf8proc does; characters with the property White_Space stand apart.
enum Category : std::uint8_t {
  kUnassigned,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,  // clang-format off
  kSm, kSc, kSk, kSo, kZs, kZl, kZp, kCc, kCf, kCs, kCo, kSpace,  // clang-format on
};

/// Sets of categories.
using CategorySet = std::uint32_t;
constexpr CategorySet set_of(Category category) {
  return CategorySet{1} << category;
}
inline constexpr CategorySet kLetters = set_of(kLu) | set_of(kLl) | set_of(kLt) | set_of(kLm) | set_of(kLo);
inline constexpr CategorySet kMarks = set_of(kMn) | set_of(kMc) | set_of(kMe);
inline constexpr CategorySet kNumbers = set_of(kNd) | set_of(kNl) | set_of(kNo);
inline constexpr CategorySet kPunctuation =
    set_of(kPc) | set_of(kPd) | set_of(kPs) | set_of(kPe) | set_of(kPi) | set_of(kPf) | set_of(kPo);
inline constexpr CategorySet kWhitespace = set_of(kSpace);
constexpr bool contains(CategorySet set, std::uint8_t category) {
  return ((set >> category) & 1U) != 0;
}

/// A two-level table of one byte a code point.
class CodePointTable {
 public:
  explicit CodePointTable(const std::function<std::uint8_t(char32_t)>& value_of);

  std::uint8_t operator[](char32_t c) const noexcept {
    if (c < ascii_.size()) return ascii_[c];
    return blocks_[(std::size_t{index_[c >> kBlockBits]} << kBlockBits) | (c & (kBlockSize - 1))];
  }

 private:
  static constexpr unsigned kBlockBits = 7;
  static constexpr std::size_t kBlockSize = std::size_t{1} << kBlockBits;
  std::array<std::uint8_t, 128> ascii_{};
  std::array<std::uint16_t, (0x110000U >> kBlockBits)> index_{};
  std::vector<std::uint8_t> blocks_;
};

/// The category of every code point; made on first use (some milliseconds). Thread-safe.
const CodePointTable& categories();

/// White_Space of Unicode.
bool is_white_space(char32_t c) noexcept;
/// What Rust's regular expressions call `\w`.
bool is_word(char32_t c) noexcept;
/// Numeric in the sense of the Digits pre-tokenizer: Nd, Nl, No.
bool is_numeric(char32_t c) noexcept;
/// Punctuation in the sense of the Bert and Punctuation pre-tokenizers: ASCII punctuation, and P of
/// Unicode 8.
bool is_punctuation(char32_t c) noexcept;
/// Mn of Unicode 8: what BertNormalizer removes to strip accents.
bool is_nonspacing_mark(char32_t c) noexcept;
/// M of Unicode 9: what StripAccents removes.
bool is_combining_mark(char32_t c) noexcept;
/// A format character (Cf) that BertNormalizer doesn't know: it came with Unicode 9 or later.
bool is_newer_format_character(char32_t c) noexcept;
/// Came with Unicode 10 or later: normal forms leave it alone.
bool is_after_unicode9(char32_t c) noexcept;
/// A number for the script (see unicode_data.h); 0 for none.
std::uint8_t script_of(char32_t c) noexcept;
/// Lower case, character by character; U+0130 gives two (the second is 0 for all others).
std::array<char32_t, 2> to_lower(char32_t c) noexcept;

}  // namespace minerva::tokenizers
