// The strings of a model's vocabulary and their ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minerva/types.h"
#include "text/tokenizer/flat_map.h"

namespace minerva::tokenizers {

/// The largest id a tokenizer may have; real vocabularies stay below 2^20.
inline constexpr TokenId kTokenIdMax = (1 << 22) - 1;

/// Two-way map between token strings and ids. With `byte_level`, the strings are written in the byte-level
/// alphabet and keys are the bytes they stand for, so that text can be looked up as it is; strings that
/// aren't written in that alphabet are found by their own text only. Immutable once filled; thread-safe then.
class Vocabulary {
 public:
  explicit Vocabulary(bool byte_level = false) : byte_level_(byte_level) {}

  void reserve(std::size_t tokens, std::size_t bytes);

  enum class Added : std::uint8_t { Yes, IdTaken, TooLarge };
  /// Adds a token. A string that is there already gets the new id (its old id keeps the text). `id` must be
  /// in [0, kTokenIdMax].
  Added add(std::string_view token, TokenId id);

  /// Makes the strings that were added findable; call once, before any `find`.
  void build_index();

  /// The id of a token string as the file writes it.
  std::optional<TokenId> find(std::string_view token) const;
  /// The id of a key: bytes when byte-level, else the string itself.
  std::optional<TokenId> find_key(std::string_view key) const { return find_in(key, hash_bytes(key), false); }
  std::optional<TokenId> find_key(std::string_view key, std::uint64_t hash) const {
    return find_in(key, hash, false);
  }
  /// Fetch the memory that `find_key` with this hash will need: first the slot, later the string.
  void prefetch_slot(std::uint64_t hash) const noexcept { __builtin_prefetch(&slots_[hash & mask_]); }
  void prefetch_string(std::uint64_t hash) const noexcept {
    __builtin_prefetch(arena_.data() + slots_[hash & mask_].offset);
  }

  /// The string of a token as the file writes it; empty for an id that isn't there.
  std::string text(TokenId id) const;
  /// The key of a token: its bytes when byte-level and `!is_literal(id)`, else its string.
  std::string_view key(TokenId id) const noexcept;
  /// Byte-level only: the string isn't written in the byte-level alphabet.
  bool is_literal(TokenId id) const noexcept {
    return has(id) && entries_[static_cast<std::size_t>(id)].literal;
  }
  bool has(TokenId id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < entries_.size() &&
           entries_[static_cast<std::size_t>(id)].present;
  }

  /// One more than the largest id.
  std::size_t size() const noexcept { return entries_.size(); }
  /// How many different strings there are.
  std::size_t count() const noexcept { return count_; }
  bool byte_level() const noexcept { return byte_level_; }
  std::size_t longest_key() const noexcept { return longest_key_; }

 private:
  struct Entry {
    std::uint32_t offset = 0;
    std::uint32_t length : 30 = 0;
    bool literal : 1 = false;
    bool present : 1 = false;
  };
  struct Slot {
    std::uint32_t tag = 0;
    TokenId id = -1;  // -1: empty
    std::uint32_t offset = 0;
    std::uint32_t length : 31 = 0;
    bool literal : 1 = false;
  };
  std::optional<TokenId> find_in(std::string_view key, std::uint64_t hash, bool literal) const;
  std::string_view key_of(const Slot& slot) const noexcept {
    return {arena_.data() + slot.offset, slot.length};
  }
  void insert(const Entry& entry, TokenId id, std::uint64_t hash);

  bool byte_level_;
  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_ = std::vector<Slot>(2);
  std::size_t mask_ = 1;
  std::size_t count_ = 0;
  std::size_t longest_key_ = 0;
};

}  // namespace minerva::tokenizers
