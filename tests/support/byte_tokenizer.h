// A vocabulary for tests of grammars: every byte, then texts, then an end of generation and a special token.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer/tokenizer.h"

namespace minerva::testing {

class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> texts = {}) : texts_(std::move(texts)) {}

  TokenId end() const noexcept { return static_cast<TokenId>(256 + texts_.size()); }
  TokenId special() const noexcept { return end() + 1; }

  /// The longest token first.
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId best = static_cast<std::uint8_t>(text[0]);
      std::size_t size = 1;
      for (std::size_t i = 0; i < texts_.size(); ++i) {
        if (texts_[i].size() <= size || !text.starts_with(texts_[i])) continue;
        best = static_cast<TokenId>(256 + i);
        size = texts_[i].size();
      }
      ids.push_back(best);
      text.remove_prefix(size);
    }
    return ids;
  }
  Result<std::string> decode(std::span<const TokenId> ids, bool) const override {
    std::string text;
    for (const TokenId id : ids) text += token_bytes(id, false);
    return text;
  }
  std::string token_bytes(TokenId id, bool) const override {
    if (id < 256) return std::string(1, static_cast<char>(id));
    return id < end() ? texts_[static_cast<std::size_t>(id) - 256] : std::string();
  }
  std::size_t vocabulary_size() const noexcept override { return 258 + texts_.size(); }
  bool is_special(TokenId id) const override { return id >= end(); }
  bool is_end_of_generation(TokenId id) const override { return id == end(); }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return end(); }
  std::string bos_text() const override { return {}; }
  std::string eos_text() const override { return {}; }

 private:
  std::vector<std::string> texts_;
};

}  // namespace minerva::testing
