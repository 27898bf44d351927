#include "cli/suggest.h"

#include <algorithm>
#include <vector>

namespace minerva::cli {
namespace {

constexpr std::size_t kTypedBytesMax = 64;  // the distance costs the product of both lengths

// Edits from `a` to `b` where a swap of neighbours counts once (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> table((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return table[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

}  // namespace

std::optional<std::string> suggest(std::string_view typed, std::span<const std::string> candidates) {
  constexpr std::size_t kPrefixMin = 3;
  if (typed.size() > kTypedBytesMax) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_edits = 0;
  for (const std::string& candidate : candidates) {
    const bool begun = typed.size() >= kPrefixMin && candidate.starts_with(typed);
    const std::size_t edits = begun ? 1 : distance(typed, candidate);
    if (edits > std::max(typed.size(), candidate.size()) / 3) continue;
    if (!best || edits < best_edits) {
      best = candidate;
      best_edits = edits;
    }
  }
  return best;
}

std::string shell_quoted(std::string_view text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_-./:=+,@%").contains(static_cast<char>(c));
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return std::string(text);
  const bool simple = text.find_first_of("\"$`\\!") == std::string_view::npos;
  if (simple) return '"' + std::string(text) + '"';
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace minerva::cli
