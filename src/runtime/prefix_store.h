// States of earlier prompts, saved out of their context: bounded in bytes, least recently used out first.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <utility>
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

  /// Asked with what will be held in all, and told whenever that becomes less.
  using MayHold = std::function<bool(std::uint64_t bytes)>;

  explicit PrefixStore(
      std::uint64_t bytes_max, MayHold may_hold = [](std::uint64_t) { return true; })
      : bytes_max_(bytes_max), may_hold_(std::move(may_hold)) {}

  /// Keeps `entry`, unless there is no room for it by itself. Replaces what it makes superfluous.
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
  void clear();

 private:
  void drop(std::list<Entry>::iterator entry);

  std::uint64_t bytes_max_;
  MayHold may_hold_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // last used first
};

/// How many tokens two sequences begin with in common.
std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) noexcept;

}  // namespace minerva
