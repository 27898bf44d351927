#include "text/tokenizer/added_tokens.h"

#include <algorithm>

#include "text/tokenizer/unicode_tables.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

bool word_before(std::string_view text, std::size_t position) {
  return position > 0 && is_word(decode_utf8(text.data() + previous_utf8(text, position)).value);
}
bool word_at(std::string_view text, std::size_t position) {
  return position < text.size() && is_word(decode_utf8(text.data() + position).value);
}
std::size_t space_begin_before(std::string_view text, std::size_t position) {
  while (position > 0) {
    const std::size_t previous = previous_utf8(text, position);
    if (!is_white_space(decode_utf8(text.data() + previous).value)) break;
    position = previous;
  }
  return position;
}
std::size_t space_end_after(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    const CodePoint c = decode_utf8(text.data() + position);
    if (!is_white_space(c.value)) break;
    position += c.length;
  }
  return position;
}

}  // namespace

void AddedTokens::add(AddedToken token, TokenId id, std::string normalized_content) {
  normalized_.erase(id);
  if (token.normalized && normalized_content != token.content)
    normalized_[id] = std::move(normalized_content);
  ids_[token.content] = id;
  if (token.special) special_.insert(token.content);
  tokens_[id] = std::move(token);
}

void AddedTokens::finish() {
  std::vector<PieceTrie::Entry> plain;
  std::vector<PieceTrie::Entry> normalized;
  for (const auto& [id, token] : tokens_) {
    if (!token.normalized) {
      plain.emplace_back(token.content, id);
      continue;
    }
    const auto changed = normalized_.find(id);
    normalized.emplace_back(changed == normalized_.end() ? token.content : changed->second, id);
  }
  plain_trie_ = PieceTrie(std::move(plain));
  normalized_trie_ = PieceTrie(std::move(normalized));
}

void AddedTokens::find(std::string_view text, bool normalized, bool parse_special,
                       std::vector<Part>& out) const {
  out.clear();
  const PieceTrie& trie = normalized ? normalized_trie_ : plain_trie_;
  std::size_t done = 0;
  for (std::size_t at = 0; !trie.empty() && at < text.size();) {
    if (!trie.begins_with(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    const auto [length, id] = trie.longest_prefix(text.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + length;
    at = end;  // what was found and not taken is text, and is not looked at again
    const AddedToken& token = tokens_.at(id);
    if (!parse_special && special_.contains(token.content)) continue;
    if (token.single_word && (word_before(text, begin) || word_at(text, end))) continue;
    if (token.lstrip) begin = std::max(space_begin_before(text, begin), done);
    if (token.rstrip) end = space_end_after(text, end);
    if (done < begin) out.push_back({done, begin, std::nullopt});
    out.push_back({begin, end, id});
    done = end;
  }
  if (done < text.size()) out.push_back({done, text.size(), std::nullopt});
}

std::optional<TokenId> AddedTokens::id_of(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const AddedToken* AddedTokens::token(TokenId id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> AddedTokens::decoded_text(TokenId id) const {
  if (const auto changed = normalized_.find(id); changed != normalized_.end()) return changed->second;
  const AddedToken* found = token(id);
  return found == nullptr ? std::nullopt : std::optional<std::string_view>(found->content);
}

std::optional<TokenId> AddedTokens::largest_id() const {
  std::optional<TokenId> largest;
  for (const auto& [id, token] : tokens_) largest = std::max(largest.value_or(id), id);
  return largest;
}

}  // namespace minerva::tokenizers
