#include "text/tokenizer/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "text/tokenizer/byte_level.h"
#include "text/tokenizer/decoders.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

constexpr std::string_view kMarker = "\xE2\x96\x81";  // "▁"
/// Up to this many symbols, looking at all pairs again and again beats a queue.
constexpr std::size_t kShortSymbols = 40;

}  // namespace

void MergeTable::note_strings(std::string_view left, std::string_view right, const BpeOptions& options) {
  if (left.empty() || !right.starts_with(kMarker)) return;
  // Tokens that stand for other text than their own could end in any character.
  if (left == options.unknown_token || byte_of_token(left) >= 0) can_cut_at_marker_ = false;
  joins_marker_.insert(decode_utf8(left.data() + previous_utf8(left, left.size())).value);
}

Bpe::Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    : TokenModel(std::move(vocabulary)), merges_(std::move(merges)), options_(std::move(options)) {
  if (options_.unknown_token) unknown_id_ = vocabulary_.find(*options_.unknown_token);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char as_char = static_cast<char>(byte);
    byte_symbols_[byte] = vocabulary_.byte_level() ? vocabulary_.find_key({&as_char, 1}).value_or(-1) : -1;
    byte_fallback_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  }
  // A character that became no symbol at all would let a merge reach across it.
  const bool all_become_symbols =
      options_.unknown_token ||
      (options_.byte_fallback && std::ranges::all_of(byte_fallback_, [](TokenId id) { return id >= 0; }));
  const bool plain_symbols = options_.continuing_subword_prefix.empty() &&
                             options_.end_of_word_suffix.empty() && !options_.ignore_merges;
  cuts_at_marker_ = merges_.can_cut_at_marker() && !vocabulary_.byte_level() && all_become_symbols &&
                    plain_symbols && vocabulary_.find(kMarker).has_value();
}

std::size_t Bpe::next_cut(std::string_view piece, std::size_t from) const {
  for (;;) {
    const std::size_t marker = piece.find(kMarker, from);
    if (marker == std::string_view::npos) return piece.size();
    const char32_t before = marker == 0 ? 0 : decode_utf8(piece.data() + previous_utf8(piece, marker)).value;
    if (marker != 0 && !merges_.joins_marker(before)) return marker;
    from = marker + kMarker.size();
  }
}

Result<void> Bpe::encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const {
  if (!cuts_at_marker_) return encode_word(piece, scratch, out);
  for (std::size_t begin = 0; begin < piece.size();) {
    const std::size_t end = next_cut(piece, begin + 1);
    MINERVA_TRY(encode_word(piece.substr(begin, end - begin), scratch, out));
    begin = end;
  }
  return {};
}

Result<void> Bpe::encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  if (word.empty()) return {};
  const std::uint64_t hash = hash_bytes(word);
  if (const auto known = scratch.words.find(word, hash); !known.empty()) {
    out.insert(out.end(), known.begin(), known.end());
    return {};
  }
  if (options_.ignore_merges) {
    if (const auto id = vocabulary_.find_key(word, hash)) {
      scratch.words.put(word, hash, {&*id, 1});
      out.push_back(*id);
      return {};
    }
  }
  MINERVA_TRY(to_symbols(word, scratch));
  if (scratch.symbols.size() <= kShortSymbols) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
  scratch.words.put(word, hash, scratch.symbols);
  out.insert(out.end(), scratch.symbols.begin(), scratch.symbols.end());
  return {};
}

std::optional<TokenId> Bpe::symbol_of(std::string_view character, bool first, bool last,
                                      std::string& buffer) const {
  if (vocabulary_.byte_level()) {
    const TokenId id = byte_symbols_[static_cast<unsigned char>(character[0])];
    return id < 0 ? std::nullopt : std::optional(id);
  }
  buffer.clear();
  if (!first) buffer += options_.continuing_subword_prefix;
  buffer += character;
  if (last) buffer += options_.end_of_word_suffix;
  return vocabulary_.find_key(buffer);
}

bool Bpe::append_byte_tokens(std::string_view character, std::vector<TokenId>& symbols) const {
  const auto missing = [&](char byte) { return byte_fallback_[static_cast<unsigned char>(byte)] < 0; };
  if (std::ranges::any_of(character, missing)) return false;
  for (const char byte : character) symbols.push_back(byte_fallback_[static_cast<unsigned char>(byte)]);
  return true;
}

Result<void> Bpe::to_symbols(std::string_view word, Scratch& scratch) const {
  std::vector<TokenId>& symbols = scratch.symbols;
  symbols.clear();
  // The reference holds an unknown token back until it meets a known character, even past byte tokens.
  bool unknown_waits = false;
  for (std::size_t i = 0; i < word.size();) {
    const std::size_t length =
        vocabulary_.byte_level() ? 1 : utf8_length(static_cast<unsigned char>(word[i]));
    const std::string_view character = word.substr(i, length);
    const auto id = symbol_of(character, i == 0, i + length == word.size(), scratch.text);
    i += length;
    if (id) {
      if (unknown_waits) symbols.push_back(*unknown_id_);
      unknown_waits = false;
      symbols.push_back(*id);
      continue;
    }
    if (vocabulary_.byte_level()) {
      scratch.text.clear();
      append_byte_level(scratch.text, character);
    }
    if (options_.byte_fallback && append_byte_tokens(scratch.text, symbols)) continue;
    if (!options_.unknown_token) continue;
    if (!unknown_id_) return missing_unknown_token(*options_.unknown_token);
    if (unknown_waits && !options_.fuse_unknown) symbols.push_back(*unknown_id_);
    unknown_waits = true;
  }
  if (unknown_waits) symbols.push_back(*unknown_id_);
  return {};
}

void Bpe::merge_short(Scratch& scratch) const {
  auto& ids = scratch.symbols;
  if (ids.size() < 2) return;
  std::array<PairMap::Merge, kShortSymbols> pairs;  // pairs[i]: the merge of ids[i] and ids[i + 1]
  std::size_t count = ids.size();
  const auto look_up = [&](std::size_t i) { pairs[i] = merges_.find(ids[i], ids[i + 1]); };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == PairMap::kNoRank) break;
    ids[best] = static_cast<TokenId>(pairs[best].id);
    std::copy(ids.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              ids.begin() + static_cast<std::ptrdiff_t>(count),
              ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(pairs.begin() + best + 1, pairs.begin() + count - 1, pairs.begin() + best);
    --count;
    if (best + 1 < count) look_up(best);
    if (best > 0) look_up(best - 1);
  }
  ids.resize(count);
}

void Bpe::update_rank(std::size_t position, Scratch& scratch) const {
  const std::int32_t right = scratch.next[position];
  if (right < 0) {
    scratch.ranks[position] = PairMap::kNoRank;
    return;
  }
  const auto merge =
      merges_.find(scratch.symbols[position], scratch.symbols[static_cast<std::size_t>(right)]);
  scratch.ranks[position] = merge.rank;
  scratch.merged[position] = static_cast<TokenId>(merge.id);
  if (merge.rank != PairMap::kNoRank) {
    scratch.queue.push_back((std::uint64_t{merge.rank} << 32U) | position);
  }
}

void Bpe::join(std::size_t position, Scratch& scratch) const {
  const auto right = static_cast<std::size_t>(scratch.next[position]);
  scratch.symbols[position] = scratch.merged[position];
  scratch.symbols[right] = -1;
  scratch.ranks[right] = PairMap::kNoRank;
  scratch.next[position] = scratch.next[right];
  if (scratch.next[right] >= 0) {
    scratch.previous[static_cast<std::size_t>(scratch.next[right])] = static_cast<std::int32_t>(position);
  }
  const auto push_new = [&](std::size_t at) {
    const std::size_t before = scratch.queue.size();
    update_rank(at, scratch);
    if (scratch.queue.size() > before) std::ranges::push_heap(scratch.queue, std::greater{});
  };
  push_new(position);
  if (scratch.previous[position] >= 0) push_new(static_cast<std::size_t>(scratch.previous[position]));
}

void Bpe::merge_long(Scratch& scratch) const {
  const std::size_t count = scratch.symbols.size();
  scratch.ranks.resize(count);
  scratch.merged.resize(count);
  scratch.previous.resize(count);
  scratch.next.resize(count);
  scratch.queue.clear();
  for (std::size_t i = 0; i < count; ++i) {
    scratch.previous[i] = static_cast<std::int32_t>(i) - 1;
    scratch.next[i] = i + 1 < count ? static_cast<std::int32_t>(i + 1) : -1;
  }
  for (std::size_t i = 0; i < count; ++i) update_rank(i, scratch);
  std::ranges::make_heap(scratch.queue, std::greater{});
  while (!scratch.queue.empty()) {
    std::ranges::pop_heap(scratch.queue, std::greater{});
    const std::uint64_t entry = scratch.queue.back();
    scratch.queue.pop_back();
    const auto position = static_cast<std::size_t>(entry & UINT32_MAX);
    // An entry whose pair has changed since is out of date.
    if (scratch.ranks[position] == (entry >> 32U)) join(position, scratch);
  }
  std::erase(scratch.symbols, -1);
}

}  // namespace minerva::tokenizers
