// The numbers of a repetition such as {3,5}, as regular expressions and grammars write them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace minerva::grammar {

/// The decimal number that stands at `at`, which is moved behind it; nothing where none stands. What is far
/// beyond every limit becomes some such number.
inline std::optional<std::uint32_t> take_number(std::string_view text, std::size_t& at) noexcept {
  const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  if (!is_digit()) return std::nullopt;
  constexpr std::uint32_t kFarBeyond = 100'000'000;
  std::uint32_t value = 0;
  for (; is_digit(); ++at)
    value = std::min(value * 10 + static_cast<std::uint32_t>(text[at] - '0'), kFarBeyond);
  return value;
}

/// What is wrong with the bounds, or nothing; without `high` there is no upper one.
inline std::optional<std::string> fault_of_bounds(std::uint32_t low, std::optional<std::uint32_t> high) {
  if (low > limits::kGrammarRepeatMax || high.value_or(0) > limits::kGrammarRepeatMax)
    return fmt::format("bounds of repetition are at most {}", limits::kGrammarRepeatMax);
  if (high && low > *high) return "the lower bound is greater than the upper one";
  return std::nullopt;
}

}  // namespace minerva::grammar
