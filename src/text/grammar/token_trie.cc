#include "text/grammar/token_trie.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace minerva::grammar {

TokenTrie::TokenTrie(const Tokenizer& tokenizer, std::size_t vocabulary_size)
    : vocabulary_size_(vocabulary_size) {
  std::vector<std::pair<std::string, TokenId>> tokens;
  const std::size_t count = std::min(vocabulary_size, tokenizer.vocabulary_size());
  tokens.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<TokenId>(i);
    if (tokenizer.is_end_of_generation(id)) {
      ends_.push_back(id);
    } else if (!tokenizer.is_special(id)) {
      if (std::string bytes = tokenizer.token_bytes(id); !bytes.empty())
        tokens.emplace_back(std::move(bytes), id);
    }
  }
  std::ranges::sort(tokens);
  std::vector<std::uint32_t> path;  // nodes above the one at hand
  const auto open = [&](std::uint8_t byte) {
    const auto depth = static_cast<std::uint32_t>(path.size());
    path.push_back(static_cast<std::uint32_t>(nodes_.size()));
    nodes_.push_back(
        {.first_token = static_cast<std::uint32_t>(tokens_.size()), .depth = depth, .byte = byte});
    depth_ = std::max(depth_, depth);
  };
  const auto close_to = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
  };
  open(0);
  std::string_view before;
  for (const auto& [bytes, id] : tokens) {
    const auto common = std::ranges::mismatch(before, bytes).in1 - before.begin();
    close_to(static_cast<std::size_t>(common) + 1);
    for (const char c : std::string_view(bytes).substr(path.size() - 1)) open(static_cast<std::uint8_t>(c));
    tokens_.push_back(id);
    before = bytes;
  }
  close_to(0);
  nodes_.push_back({.end = static_cast<std::uint32_t>(nodes_.size()),
                    .first_token = static_cast<std::uint32_t>(tokens_.size())});
}

}  // namespace minerva::grammar
