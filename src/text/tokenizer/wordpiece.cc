#include "text/tokenizer/wordpiece.h"

#include <algorithm>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

WordPiece::WordPiece(Vocabulary vocabulary, WordPieceOptions options)
    : TokenModel(std::move(vocabulary)), options_(std::move(options)) {
  unknown_id_ = vocabulary_.find(options_.unknown_token);
}

std::size_t WordPiece::longest_at(std::string_view word, std::size_t start, std::string& buffer,
                                  TokenId& id) const {
  const std::string_view prefix = start > 0 ? std::string_view(options_.continuing_subword_prefix) : "";
  if (vocabulary_.longest_key() <= prefix.size()) return 0;
  // No token is longer than the longest: hostile words need not be tried whole.
  std::size_t length = std::min(word.size() - start, vocabulary_.longest_key() - prefix.size());
  while (start + length < word.size() && is_continuation(word[start + length])) --length;
  buffer.assign(prefix);
  buffer.append(word.substr(start, length));
  while (length > 0) {
    if (const auto found = vocabulary_.find_key(buffer)) {
      id = *found;
      return length;
    }
    const std::size_t shorter = previous_utf8(word, start + length) - start;
    buffer.resize(prefix.size() + shorter);
    length = shorter;
  }
  return 0;
}

Result<void> WordPiece::encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const {
  const std::size_t before = out.size();
  const auto characters = static_cast<std::size_t>(
      std::ranges::count_if(piece, [](char byte) { return !is_continuation(byte); }));
  bool known = characters <= options_.characters_per_word_max;
  for (std::size_t start = 0; known && start < piece.size();) {
    TokenId id = 0;
    const std::size_t length = longest_at(piece, start, scratch.text, id);
    known = length > 0;
    if (known) out.push_back(id);
    start += length;
  }
  if (known) return {};
  out.resize(before);
  if (!unknown_id_) return missing_unknown_token(options_.unknown_token);
  out.push_back(*unknown_id_);
  return {};
}

WordLevel::WordLevel(Vocabulary vocabulary, std::string unknown_token)
    : TokenModel(std::move(vocabulary)), unknown_token_(std::move(unknown_token)) {
  unknown_id_ = vocabulary_.find(unknown_token_);
}

Result<void> WordLevel::encode(std::string_view piece, Scratch& /*scratch*/,
                               std::vector<TokenId>& out) const {
  const auto id = vocabulary_.find_key(piece);
  if (!id && !unknown_id_) return missing_unknown_token(unknown_token_);
  out.push_back(id ? *id : *unknown_id_);
  return {};
}

}  // namespace minerva::tokenizers
