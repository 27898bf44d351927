// The splitting patterns of well-known models by hand: what their regular expressions match, much faster.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace minerva::tokenizers {

/// The end of the piece of `text` (valid UTF-8) that begins at `begin` (< text.size()). The pieces follow one
/// another without gaps.
using SplitScanner = std::size_t (*)(std::string_view text, std::size_t begin);

/// GPT-2's pattern: what the ByteLevel pre-tokenizer splits by.
std::size_t scan_gpt2(std::string_view view, std::size_t begin);

struct KnownPattern {
  std::string_view name;
  std::string_view regex;
  SplitScanner scanner;
};
/// All patterns that have a scanner.
const std::array<KnownPattern, 7>& known_patterns() noexcept;

/// The scanner for a pattern (compared letter by letter), or null.
SplitScanner find_scanner(std::string_view regex) noexcept;

}  // namespace minerva::tokenizers
