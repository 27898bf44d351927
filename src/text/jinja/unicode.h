// Characters as Python's str sees them. Texts are valid UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace minerva::jinja {

std::size_t count_code_points(std::string_view text) noexcept;
/// The byte at which code point `index` begins; the end of the text when there are fewer.
std::size_t offset_of(std::string_view text, std::size_t index) noexcept;

/// Reads a text code point by code point.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) noexcept : text_(text) {}
  bool done() const noexcept { return at_ >= text_.size(); }
  char32_t next() noexcept;
  std::size_t offset() const noexcept { return at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};
void append_code_point(std::string& out, char32_t c);
std::u32string to_code_points(std::string_view text);

// str.isspace() and its siblings, of one character.
bool is_space(char32_t c) noexcept;
bool is_line_break(char32_t c) noexcept;  ///< what splitlines() splits at
bool is_printable(char32_t c) noexcept;
bool is_alpha(char32_t c) noexcept;
bool is_decimal(char32_t c) noexcept;
bool is_digit(char32_t c) noexcept;
bool is_numeric(char32_t c) noexcept;
bool is_alnum(char32_t c) noexcept;
bool is_lower(char32_t c) noexcept;
bool is_upper(char32_t c) noexcept;
bool is_title(char32_t c) noexcept;
bool is_cased(char32_t c) noexcept;
bool is_identifier_start(char32_t c) noexcept;
bool is_identifier_part(char32_t c) noexcept;
/// What `\w` of Python's re matches.
bool is_word(char32_t c) noexcept;
/// The digit's value; -1 where it isn't decimal.
int decimal_value(char32_t c) noexcept;

// str.upper() and its siblings.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);
std::string capitalized(std::string_view text);
std::string swapped_case(std::string_view text);
std::string case_folded(std::string_view text);

// Of unicode_data.cc.
bool has_other_lowercase(char32_t c) noexcept;
bool has_other_uppercase(char32_t c) noexcept;
bool is_other_digit(char32_t c) noexcept;
bool is_other_numeric(char32_t c) noexcept;
std::u32string_view special_upper(char32_t c) noexcept;
std::u32string_view special_title(char32_t c) noexcept;

}  // namespace minerva::jinja
