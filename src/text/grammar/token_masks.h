// Which tokens may come next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/recognizer.h"
#include "text/grammar/token_trie.h"

namespace minerva::grammar {

/// Walks the vocabulary's tree for a configuration. What the walk finds within the rules at hand (all that
/// fits into a string, say) does not depend on where they were entered from: it is kept and used wherever
/// they occur again, and only the tokens that go on beyond their end are walked anew. Not thread-safe.
/// References must outlive it.
class TokenMasks {
 public:
  TokenMasks(const TokenTrie& trie, const Network& network, Recognizer& recognizer)
      : trie_(trie), network_(network), recognizer_(recognizer), path_(trie.depth() + 1) {}

  /// Sets the bit of each token after whose bytes something may follow `config` or the text may end. False
  /// when the budget is exhausted.
  bool fill(ConfigId config, std::span<std::uint32_t> mask, Budget& budget);
  /// Bytes of memory, roughly.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  // What is known of a configuration whose origins are not.
  struct Local {
    std::vector<std::uint32_t> mask;  // or, where they are few,
    std::vector<TokenId> tokens;
    // Nodes in which rules from outside have ended, and more bytes follow.
    std::map<std::vector<Recognizer::Exit>, std::vector<std::uint32_t>> exits;
  };
  /// A configuration without its origins, and those.
  struct Shape {
    ConfigId config = Recognizer::kDead;
    std::vector<ConfigId> origins;
  };

  bool add(const Shape& shape, std::span<std::uint32_t> mask, std::vector<ConfigId>& more, Budget& budget);
  bool shape_of(ConfigId config, Shape& shape);
  std::uint32_t plain_count(const Recognizer::Item& item) const;
  const Local* local(ConfigId config, Budget& budget);
  template <class Visit>
  bool walk(std::uint32_t top, ConfigId config, Budget& budget, Visit visit);
  bool walk_into(std::uint32_t top, ConfigId config, std::span<std::uint32_t> mask, Budget& budget);

  const TokenTrie& trie_;
  const Network& network_;
  Recognizer& recognizer_;
  std::vector<ConfigId> path_;  // by depth
  std::unordered_map<ConfigId, Local> locals_;
  std::size_t bytes_ = 0;
};

}  // namespace minerva::grammar
