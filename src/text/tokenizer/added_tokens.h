// Tokens that stand outside the model: found in a text before anything else, never split.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "minerva/types.h"
#include "text/tokenizer/piece_trie.h"

namespace minerva::tokenizers {

struct AddedToken {
  std::string content;
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< takes the white space on its left along
  bool rstrip = false;       ///< and on its right
  bool normalized = true;    ///< looked for in the normalised text
  bool special = false;      ///< left out when decoding with skip_special

  friend bool operator==(const AddedToken&, const AddedToken&) = default;
};

/// Immutable and thread-safe once `finish` was called.
class AddedTokens {
 public:
  /// Adds or replaces a token. `normalized_content`: what the normalizer makes of its content.
  void add(AddedToken token, TokenId id, std::string normalized_content);
  /// Builds what searching needs.
  void finish();

  /// A part of a text: an added token, or (without id) text between them.
  struct Part {
    std::size_t begin;
    std::size_t end;
    std::optional<TokenId> id;
  };
  /// The parts of `text` (valid UTF-8), looking for tokens that are `normalized` or those that aren't.
  /// Special tokens are text when `!parse_special`.
  void find(std::string_view text, bool normalized, bool parse_special, std::vector<Part>& out) const;

  std::optional<TokenId> id_of(std::string_view content) const;
  const AddedToken* token(TokenId id) const;
  /// The text that decoding starts from: the normalised content.
  std::optional<std::string_view> decoded_text(TokenId id) const;
  /// Whether a token with this text is special.
  bool is_special_text(std::string_view text) const { return special_.contains(std::string(text)); }
  std::optional<TokenId> largest_id() const;
  const std::unordered_map<TokenId, AddedToken>& all() const { return tokens_; }

 private:
  std::unordered_map<TokenId, AddedToken> tokens_;
  std::unordered_map<TokenId, std::string> normalized_;  // where it differs from the content
  std::unordered_map<std::string, TokenId> ids_;
  std::unordered_set<std::string> special_;
  PieceTrie plain_trie_;
  PieceTrie normalized_trie_;
};

}  // namespace minerva::tokenizers
