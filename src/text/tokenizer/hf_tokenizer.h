// The tokenizer that tokenizer.json describes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "text/tokenizer/added_tokens.h"
#include "text/tokenizer/decoders.h"
#include "text/tokenizer/normalizers.h"
#include "text/tokenizer/post_processors.h"
#include "text/tokenizer/pre_tokenizers.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva::tokenizers {

/// All parts of a tokenizer. Absent parts are null; without decoders, tokens are joined as they are.
struct Pipeline {
  std::unique_ptr<const TokenModel> model;
  NormalizerPointer normalizer;
  PreTokenizerPointer pre_tokenizer;
  PostProcessorPointer post_processor;
  DecoderChain decoders;
  AddedTokens added;

  /// Adds a token as the reference does: its id is the model's where the model has that string, else the next
  /// one free. Errors: ModelLoading (too many tokens, a content that is too long).
  Result<TokenId> add_token(AddedToken token);

 private:
  std::optional<TokenId> next_id_;
};

/// What other files of a model say about its special tokens.
struct SpecialIds {
  std::optional<TokenId> bos;
  std::optional<TokenId> named_bos;  ///< the same, where the tokenizer's files name it, and not the model's
  std::optional<TokenId> eos;
  std::unordered_set<TokenId> end_of_generation;
  std::map<std::string, std::string> named;  // texts, by name: "unk_token" ...
};

class HfTokenizer final : public Tokenizer {
 public:
  /// `pipeline.added` must be finished.
  HfTokenizer(Pipeline pipeline, SpecialIds special);
  ~HfTokenizer() override;

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override;
  Result<std::string> decode(std::span<const TokenId> ids, bool skip_special) const override;
  std::string token_bytes(TokenId id, bool render_special) const override;
  std::unique_ptr<TokenStream> stream(bool skip_special) const override;
  std::size_t vocabulary_size() const noexcept override { return vocabulary_size_; }
  bool is_special(TokenId id) const override;
  bool is_end_of_generation(TokenId id) const override { return special_.end_of_generation.contains(id); }
  std::optional<TokenId> bos() const override { return special_.bos; }
  std::optional<TokenId> eos() const override { return special_.eos; }
  std::string bos_text() const override;
  std::string eos_text() const override;
  std::vector<std::pair<std::string, std::string>> named_tokens() const override;

  const AddedTokens& added() const noexcept { return pipeline_.added; }
  /// The string of a token as the file writes it (an added one as normalised); nothing for an id that isn't
  /// there.
  std::optional<std::string> token_text(TokenId id) const;

 private:
  class Encoder;
  std::unique_ptr<Scratch> borrow_scratch() const;
  void give_back(std::unique_ptr<Scratch> scratch) const;
  std::optional<std::string> decode_byte_level(std::span<const TokenId> ids, bool skip_special) const;

  Pipeline pipeline_;
  SpecialIds special_;
  SplitScanner scanner_ = nullptr;  // does all that the pre-tokenizer would do
  bool decodes_bytes_ = false;      // the only decoder is ByteLevel, and the vocabulary is kept in bytes
  std::size_t vocabulary_size_ = 0;

  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> free_;  // guarded by mutex_
};

}  // namespace minerva::tokenizers
