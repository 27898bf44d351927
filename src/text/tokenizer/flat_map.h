// Open-addressing hash tables for loading and encoding fast: flat memory, no deletion.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace minerva::tokenizers {

/// Mixes 64 bits (the finaliser of MurmurHash3).
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x ^= x >> 33U;
  x *= 0xFF51AFD7ED558CCDULL;
  x ^= x >> 33U;
  x *= 0xC4CEB9FE1A85EC53ULL;
  x ^= x >> 33U;
  return x;
}

/// Hash of a short string: 8 bytes a step.
inline std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;
  std::uint64_t hash = bytes.size() * kMultiplier;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t word = 0;
  for (; left >= 8; left -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    hash = std::rotl((hash ^ word) * kMultiplier, 29);
  }
  if (left > 0) {
    word = 0;
    std::memcpy(&word, at, left);
    hash = (hash ^ word) * kMultiplier;
  }
  return mix64(hash);
}

/// Table size for `count` entries: a power of two, at most half full.
inline std::size_t table_size(std::size_t count) noexcept {
  return std::bit_ceil(count * 2 + 2);
}

/// Pairs of token ids to the rank of their merge and the id they become.
class PairMap {
 public:
  struct Merge {
    std::uint32_t rank;
    std::uint32_t id;
  };
  static constexpr std::uint32_t kNoRank = UINT32_MAX;

  void reserve(std::size_t count) {
    slots_.assign(table_size(count), Slot{kEmpty, {kNoRank, 0}});
    mask_ = slots_.size() - 1;
  }
  /// The last value set for a pair counts. `reserve` must have made room.
  void set(std::uint32_t left, std::uint32_t right, Merge merge) noexcept {
    const std::uint64_t key = key_of(left, right);
    std::size_t at = mix64(key) & mask_;
    while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
    slots_[at] = {key, merge};
  }
  void prefetch(std::uint32_t left, std::uint32_t right) const noexcept {
    __builtin_prefetch(&slots_[mix64(key_of(left, right)) & mask_], 1);
  }
  /// rank == kNoRank: there is no such merge.
  Merge find(std::uint32_t left, std::uint32_t right) const noexcept {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t at = mix64(key) & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {kNoRank, 0};
    }
  }

 private:
  struct Slot {
    std::uint64_t key;
    Merge merge;
  };
  static constexpr std::uint64_t kEmpty = UINT64_MAX;
  static constexpr std::uint64_t key_of(std::uint32_t left, std::uint32_t right) noexcept {
    return (std::uint64_t{left} << 32U) | right;
  }
  std::vector<Slot> slots_ = {{kEmpty, {kNoRank, 0}}, {kEmpty, {kNoRank, 0}}};
  std::size_t mask_ = 1;
};

}  // namespace minerva::tokenizers
