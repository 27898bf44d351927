// Memory that encoding one text needs and the next one can use again.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "minerva/types.h"

namespace minerva::tokenizers {

/// Ids of words seen lately. Fixed size: a word takes the place of another with the same hash.
class WordCache {
 public:
  static constexpr std::size_t kWordBytesMax = 34;
  static constexpr std::size_t kIdsMax = 7;

  /// The ids of `word`, or an empty span.
  std::span<const TokenId> find(std::string_view word, std::uint64_t hash) const noexcept {
    if (entries_.empty() || word.size() > kWordBytesMax) return {};
    const Entry& entry = entries_[hash % kEntries];
    if (entry.length != word.size() || std::memcmp(entry.word.data(), word.data(), word.size()) != 0)
      return {};
    return {entry.ids.data(), entry.id_count};
  }
  void put(std::string_view word, std::uint64_t hash, std::span<const TokenId> ids) {
    if (word.empty() || word.size() > kWordBytesMax || ids.empty() || ids.size() > kIdsMax) return;
    if (entries_.empty()) entries_.resize(kEntries);
    Entry& entry = entries_[hash % kEntries];
    std::memcpy(entry.word.data(), word.data(), word.size());
    std::memcpy(entry.ids.data(), ids.data(), ids.size_bytes());
    entry.length = static_cast<std::uint8_t>(word.size());
    entry.id_count = static_cast<std::uint8_t>(ids.size());
  }

 private:
  static constexpr std::size_t kEntries = 16384;  // 1 MiB
  struct alignas(64) Entry {
    std::array<TokenId, kIdsMax> ids{};
    std::uint8_t length = 0;
    std::uint8_t id_count = 0;
    std::array<char, kWordBytesMax> word{};
  };
  std::vector<Entry> entries_;
};

/// Belongs to one call at a time.
struct Scratch {
  WordCache words;

  // Byte-pair encoding.
  std::vector<TokenId> symbols;
  std::vector<std::uint32_t> ranks;
  std::vector<TokenId> merged;
  std::vector<std::int32_t> previous;
  std::vector<std::int32_t> next;
  std::vector<std::uint64_t> queue;

  // Unigram: the best way to reach each byte.
  struct PathNode {
    double score = 0;
    std::int32_t start = -1;
    TokenId id = 0;
  };
  std::vector<PathNode> path;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> spans;

  std::string text;

  std::size_t bytes() const noexcept {
    return symbols.capacity() * 4 + ranks.capacity() * 4 + merged.capacity() * 4 + previous.capacity() * 4 +
           next.capacity() * 4 + queue.capacity() * 8 + path.capacity() * sizeof(PathNode) +
           spans.capacity() * 8 + text.capacity();
  }
};

}  // namespace minerva::tokenizers
