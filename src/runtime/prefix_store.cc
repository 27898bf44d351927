#include "runtime/prefix_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace minerva {

std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) noexcept {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void PrefixStore::put(Entry entry) {
  if (entry.bytes() > bytes_max_ || entry.tokens.empty()) return;
  if (!may_hold_(std::max(bytes_, entry.bytes()))) return;
  for (auto other = entries_.begin(); other != entries_.end();) {
    const auto next = std::next(other);
    const bool is_beginning = common_prefix(other->tokens, entry.tokens) == other->tokens.size();
    if (is_beginning && (entry.goes_back || other->tokens.size() == entry.tokens.size())) drop(other);
    other = next;
  }
  while (bytes_ + entry.bytes() > bytes_max_ || !may_hold_(bytes_ + entry.bytes())) {
    if (entries_.empty()) {  // others have taken the room since it was asked for above
      may_hold_(0);
      return;
    }
    drop(std::prev(entries_.end()));
  }
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
}

std::optional<PrefixStore::Match> PrefixStore::take(std::span<const TokenId> prompt, std::size_t at_least) {
  auto best = entries_.end();
  std::size_t best_common = at_least;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    const std::size_t common = common_prefix(entry->tokens, prompt);
    const bool usable = entry->goes_back || (common == entry->tokens.size() && common < prompt.size());
    if (usable && common > best_common) {
      best = entry;
      best_common = common;
    }
  }
  if (best == entries_.end()) return std::nullopt;
  Match match{std::move(*best), best_common};
  bytes_ -= match.entry.bytes();
  entries_.erase(best);
  may_hold_(bytes_);
  return match;
}

void PrefixStore::clear() {
  entries_.clear();
  bytes_ = 0;
  may_hold_(bytes_);
}

void PrefixStore::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes();
  entries_.erase(entry);
}

}  // namespace minerva
