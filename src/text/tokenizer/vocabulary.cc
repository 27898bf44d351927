#include "text/tokenizer/vocabulary.h"

#include <algorithm>

#include "text/tokenizer/byte_level.h"

namespace minerva::tokenizers {

namespace {

constexpr std::size_t kArenaBytesMax = std::size_t{1} << 30U;
/// Literal strings hash apart from the bytes they would spell.
constexpr std::uint64_t kLiteralSalt = 0x5851F42D4C957F2DULL;

std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32U);
}

}  // namespace

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  entries_.reserve(std::min(tokens, static_cast<std::size_t>(kTokenIdMax) + 1));
  arena_.reserve(std::min(bytes, kArenaBytesMax));
}

Vocabulary::Added Vocabulary::add(std::string_view token, TokenId id) {
  if (has(id)) return Added::IdTaken;
  if (token.size() > kArenaBytesMax - arena_.size()) return Added::TooLarge;
  if (static_cast<std::size_t>(id) >= entries_.size()) entries_.resize(static_cast<std::size_t>(id) + 1);
  const std::size_t offset = arena_.size();
  bool literal = false;
  if (!byte_level_) {
    arena_.append(token);
  } else if (!append_from_byte_level(arena_, token)) {
    literal = true;
    arena_.append(token);
  }
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  entry.offset = static_cast<std::uint32_t>(offset);
  entry.length = static_cast<std::uint32_t>(arena_.size() - offset) & 0x3FFFFFFFU;
  entry.literal = literal;
  entry.present = true;
  ++count_;
  return Added::Yes;
}

void Vocabulary::build_index() {
  // Hashes first, then slots some steps ahead: a large vocabulary doesn't fit the cache.
  constexpr std::size_t kAhead = 16;
  slots_.assign(table_size(count_), Slot{});
  mask_ = slots_.size() - 1;
  std::vector<std::uint64_t> hashes(entries_.size());
  const auto hash_at = [&](std::size_t i) {
    const Entry& entry = entries_[i];
    const std::string_view text(arena_.data() + entry.offset, entry.length);
    hashes[i] = hash_bytes(text) ^ (entry.literal ? kLiteralSalt : 0);
    prefetch_slot(hashes[i]);
  };
  count_ = 0;
  for (std::size_t i = 0; i < std::min(kAhead, entries_.size()); ++i) hash_at(i);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (i + kAhead < entries_.size()) hash_at(i + kAhead);
    if (entries_[i].present) insert(entries_[i], static_cast<TokenId>(i), hashes[i]);
  }
}

void Vocabulary::insert(const Entry& entry, TokenId id, std::uint64_t hash) {
  const std::string_view key(arena_.data() + entry.offset, entry.length);
  const Slot made{.tag = tag_of(hash),
                  .id = id,
                  .offset = entry.offset,
                  .length = entry.length,
                  .literal = entry.literal};
  std::size_t at = hash & mask_;
  for (; slots_[at].id >= 0; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    if (slot.tag == made.tag && slot.literal == made.literal && key_of(slot) == key) {
      slots_[at] = made;
      return;
    }
  }
  slots_[at] = made;
  ++count_;
  longest_key_ = std::max(longest_key_, key.size());
}

std::optional<TokenId> Vocabulary::find_in(std::string_view key, std::uint64_t hash, bool literal) const {
  if (literal) hash ^= kLiteralSalt;
  for (std::size_t at = hash & mask_; slots_[at].id >= 0; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    if (slot.tag == tag_of(hash) && slot.literal == literal && key_of(slot) == key) return slot.id;
  }
  return std::nullopt;
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  if (!byte_level_) return find_key(token);
  std::string bytes;
  if (append_from_byte_level(bytes, token)) return find_key(bytes);
  return find_in(token, hash_bytes(token), true);
}

std::string_view Vocabulary::key(TokenId id) const noexcept {
  if (!has(id)) return {};
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return std::string_view(arena_).substr(entry.offset, entry.length);
}

std::string Vocabulary::text(TokenId id) const {
  const std::string_view stored = key(id);
  if (!byte_level_ || is_literal(id)) return std::string(stored);
  std::string out;
  append_byte_level(out, stored);
  return out;
}

}  // namespace minerva::tokenizers
