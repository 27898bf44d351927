// The tokens of a vocabulary as a tree of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer/tokenizer.h"

namespace minerva::grammar {

/// Immutable, thread-safe.
class TokenTrie {
 public:
  // In the order in which a walk from the root comes by, the root first.
  struct Node {
    std::uint32_t end = 0;          // the first node that is not below this one
    std::uint32_t first_token = 0;  // its tokens go up to the next node's
    std::uint32_t depth = 0;        // bytes from the root
    std::uint8_t byte = 0;          // the last of them
  };

  /// `vocabulary_size`: the number of logits, which may exceed the tokenizer's. Special tokens and those
  /// without bytes are left out.
  TokenTrie(const Tokenizer& tokenizer, std::size_t vocabulary_size);

  std::size_t size() const noexcept { return nodes_.size() - 1; }
  const Node& operator[](std::size_t index) const { return nodes_[index]; }
  /// The tokens that end in this node.
  std::span<const TokenId> tokens(std::size_t index) const {
    return std::span(tokens_).subspan(nodes_[index].first_token,
                                      nodes_[index + 1].first_token - nodes_[index].first_token);
  }
  /// Of the longest token.
  std::uint32_t depth() const noexcept { return depth_; }
  const std::vector<TokenId>& ends_of_generation() const noexcept { return ends_; }
  std::size_t vocabulary_size() const noexcept { return vocabulary_size_; }
  std::size_t mask_words() const noexcept { return (vocabulary_size_ + 31) / 32; }

 private:
  std::size_t vocabulary_size_;
  std::vector<Node> nodes_;  // one more than there are
  std::vector<TokenId> tokens_;
  std::vector<TokenId> ends_;
  std::uint32_t depth_ = 0;
};

}  // namespace minerva::grammar
