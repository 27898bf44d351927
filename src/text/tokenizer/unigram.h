// Unigram: of all ways to cut a text into pieces of the vocabulary, the one with the highest sum of scores.
#pragma once

#include <optional>
#include <vector>

#include "text/tokenizer/piece_trie.h"
#include "text/tokenizer/token_model.h"

namespace minerva::tokenizers {

struct UnigramOptions {
  std::optional<TokenId> unknown_id;
  bool byte_fallback = false;  ///< unknown text becomes tokens "<0xNN>"
};

class Unigram final : public TokenModel {
 public:
  /// `scores[id]`: log probabilities; as many as the vocabulary has ids.
  Unigram(Vocabulary vocabulary, std::vector<double> scores, UnigramOptions options);

  Result<void> encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const override;
  std::size_t entry_count() const noexcept override { return scores_.size(); }

 private:
  Result<void> find_best_path(std::string_view piece, Scratch& scratch) const;
  Result<void> append_ids(std::string_view piece, std::vector<TokenId>& out) const;

  std::vector<double> scores_;
  UnigramOptions options_;
  PieceTrie trie_;
  double unknown_score_ = 0;
  std::vector<TokenId> byte_ids_;  // of "<0xNN>", or -1
};

}  // namespace minerva::tokenizers
