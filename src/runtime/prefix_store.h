// States of earlier prompts, saved out of their context: bounded in bytes, least recently used out first.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "minerva/types.h"

namespace minerva {

/// Not thread-safe.
class PrefixStore {
 public:
  struct Entry {
    std::vector<TokenId> tokens;  ///< what the snapshot holds
    SequenceSnapshot snapshot;
    bool goes_back = false;  ///< once restored it can be truncated, so that a part of it is of use too
    std::uint64_t bytes() const noexcept { return snapshot.bytes.size() + tokens.size() * sizeof(TokenId); }
  };

  explicit PrefixStore(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Keeps `entry`, unless it is larger than the bound by itself. Replaces what it makes superfluous.
  void put(Entry entry);
  /// Takes out the entry of the most use for `prompt`: the one with the longest common beginning of more than
  /// `at_least` tokens.
  struct Match {
    Entry entry;
    std::size_t common = 0;
  };
  std::optional<Match> take(std::span<const TokenId> prompt, std::size_t at_least);

  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t bytes_max() const noexcept { return bytes_max_; }
  void clear() noexcept;

 private:
  void drop(std::list<Entry>::iterator entry);

  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // last used first
};

/// How many tokens two sequences begin with in common.
std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) noexcept;

}  // namespace minerva
