// Byte-pair encoding: a word's characters are joined two by two, the pair that was learned first going first.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_set>

#include "text/tokenizer/token_model.h"

namespace minerva::tokenizers {

struct BpeOptions {
  std::optional<std::string> unknown_token;
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unknown = false;
  bool byte_fallback = false;  ///< unknown characters become tokens "<0xNN>"
  bool ignore_merges = false;  ///< a word that is a token is that token
};

/// All merges of a model.
class MergeTable {
 public:
  void reserve(std::size_t count) { pairs_.reserve(count); }
  void add(TokenId left, TokenId right, PairMap::Merge merge) noexcept {
    pairs_.set(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right), merge);
  }
  void prefetch(TokenId left, TokenId right) const noexcept {
    pairs_.prefetch(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right));
  }
  PairMap::Merge find(TokenId left, TokenId right) const noexcept {
    return pairs_.find(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right));
  }

  /// Says that a token `left` may be joined with a token `right` behind it. Encoding cuts a text before "▁"
  /// (the space in vocabularies made by SentencePiece) where no merge can reach across: call for every merge.
  void note_strings(std::string_view left, std::string_view right, const BpeOptions& options);
  /// Whether a merge may join the character `c` with a "▁" behind it.
  bool joins_marker(char32_t c) const { return joins_marker_.contains(c); }
  bool can_cut_at_marker() const noexcept { return can_cut_at_marker_; }

 private:
  PairMap pairs_;
  bool can_cut_at_marker_ = true;
  std::unordered_set<char32_t> joins_marker_;
};

class Bpe final : public TokenModel {
 public:
  /// A byte-level vocabulary must come without prefix and suffix.
  Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options);

  Result<void> encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  Result<void> encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;
  Result<void> to_symbols(std::string_view word, Scratch& scratch) const;
  bool append_byte_tokens(std::string_view character, std::vector<TokenId>& symbols) const;
  std::optional<TokenId> symbol_of(std::string_view character, bool first, bool last,
                                   std::string& buffer) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;
  void join(std::size_t position, Scratch& scratch) const;
  void update_rank(std::size_t position, Scratch& scratch) const;
  std::size_t next_cut(std::string_view piece, std::size_t from) const;

  MergeTable merges_;
  BpeOptions options_;
  std::optional<TokenId> unknown_id_;
  std::array<TokenId, 256> byte_symbols_{};   // byte-level: the id of each byte, or -1
  std::array<TokenId, 256> byte_fallback_{};  // ids of "<0xNN>", or -1
  bool cuts_at_marker_ = false;
};

}  // namespace minerva::tokenizers
