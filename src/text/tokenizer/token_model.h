// What turns one pre-token into ids: BPE, Unigram, WordPiece or WordLevel.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"
#include "text/tokenizer/scratch.h"
#include "text/tokenizer/vocabulary.h"

namespace minerva::tokenizers {

/// Immutable and thread-safe.
class TokenModel {
 public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;
  TokenModel(const TokenModel&) = delete;
  TokenModel& operator=(const TokenModel&) = delete;

  /// Appends the ids of `piece`: valid UTF-8, or any bytes where the vocabulary is byte-level. Errors:
  /// ModelLoading when the piece is unknown and the file names no token for that.
  virtual Result<void> encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const = 0;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  /// How many entries the vocabulary has: the first id that is free for an added token.
  virtual std::size_t entry_count() const noexcept { return vocabulary_.count(); }

 protected:
  Vocabulary vocabulary_;  // NOLINT(*-non-private-member-variables-in-classes)
};

/// The error of a text that the vocabulary has no token for.
inline std::unexpected<Error> missing_unknown_token(std::string_view unknown_token) {
  return model_loading("tokenizer: model.unk_token \"" + std::string(unknown_token) +
                           "\" is not in model.vocab, and the text has a part that the vocabulary lacks",
                       "Check model.unk_token in tokenizer.json, or download the file again.");
}

}  // namespace minerva::tokenizers
