// WordPiece: the longest token that a word begins with, then the longest of what is left, marked as a
// continuation. A word that can't be cut up whole is unknown.
#pragma once

#include <string>

#include "text/tokenizer/token_model.h"

namespace minerva::tokenizers {

struct WordPieceOptions {
  std::string unknown_token;
  std::string continuing_subword_prefix = "##";
  std::size_t characters_per_word_max = 100;  ///< a longer word is unknown
};

class WordPiece final : public TokenModel {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceOptions options);
  Result<void> encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  /// Bytes of the longest token at `start`, or 0.
  std::size_t longest_at(std::string_view word, std::size_t start, std::string& buffer, TokenId& id) const;

  WordPieceOptions options_;
  std::optional<TokenId> unknown_id_;
};

/// A word is a token or unknown.
class WordLevel final : public TokenModel {
 public:
  WordLevel(Vocabulary vocabulary, std::string unknown_token);
  Result<void> encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;

 private:
  std::string unknown_token_;
  std::optional<TokenId> unknown_id_;
};

}  // namespace minerva::tokenizers
