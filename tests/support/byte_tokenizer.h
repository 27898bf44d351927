// A vocabulary of single bytes, for grammars without a model.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/tokenizer.h"

namespace minerva::testing {

/// Tokens 0 to 255 are bytes, 256 ends an answer.
class ByteTokenizer : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  Result<std::string> decode(std::span<const TokenId> ids, bool) const override {
    std::string text;
    for (const TokenId id : ids) text += token_bytes(id, false);
    return text;
  }
  std::string token_bytes(TokenId id, bool) const override {
    return id < 256 ? std::string(1, static_cast<char>(id)) : std::string{};
  }
  std::size_t vocabulary_size() const noexcept override { return 257; }
  bool is_special(TokenId id) const override { return id == 256; }
  bool is_end_of_generation(TokenId id) const override { return id == 256; }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return 256; }
  std::string bos_text() const override { return {}; }
  std::string eos_text() const override { return {}; }
};

}  // namespace minerva::testing
