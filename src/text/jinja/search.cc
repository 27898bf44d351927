#include "text/jinja/search.h"

#include <string.h>

#include "text/jinja/budget.h"

namespace minerva::jinja {
namespace {

constexpr std::size_t kCharactersPerStep = 128;
/// Shorter parts are compared everywhere: what that takes is bounded.
constexpr std::size_t kLong = 32;

std::size_t find_uncounted(std::string_view text, std::string_view part, std::size_t from) {
  if (part.size() < 2 || from > text.size()) return text.find(part, from);
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

std::size_t find_part(std::string_view text, std::string_view part, std::size_t from) {
  const std::size_t found = find_uncounted(text, part, from);
  const std::size_t end = found == std::string_view::npos ? text.size() : found + part.size();
  spend((end - (from < end ? from : end)) / kCharactersPerStep);
  return found;
}

// Knuth, Morris and Pratt's algorithm, from the end.
LastFinder::LastFinder(std::string_view part) : part_(part) {
  if (part.size() < kLong) return;
  expect_bytes(part.size(), sizeof(std::size_t));
  spend(part.size() / kCharactersPerStep);
  borders_.resize(part.size());
  std::size_t matched = 0;
  for (std::size_t i = 1; i < part.size(); ++i) {
    const char c = part[part.size() - 1 - i];
    while (matched > 0 && c != part[part.size() - 1 - matched]) matched = borders_[matched - 1];
    if (c == part[part.size() - 1 - matched]) ++matched;
    borders_[i] = matched;
  }
}

std::size_t LastFinder::find(std::string_view text) const {
  std::size_t found = std::string_view::npos;
  if (borders_.empty()) {
    found = text.rfind(part_);
  } else {
    std::size_t matched = 0;
    for (std::size_t at = text.size(); at > 0 && found == std::string_view::npos; --at) {
      const char c = text[at - 1];
      while (matched > 0 && c != part_[part_.size() - 1 - matched]) matched = borders_[matched - 1];
      if (c == part_[part_.size() - 1 - matched]) ++matched;
      if (matched == part_.size()) found = at - 1;
    }
  }
  spend((text.size() - (found == std::string_view::npos ? 0 : found)) / kCharactersPerStep);
  return found;
}

}  // namespace minerva::jinja
