#include "text/tokenizer/piece_trie.h"

#include <algorithm>

namespace minerva::tokenizers {

/// The sorted entries that share their first `depth` bytes, which lead to `node`.
struct PieceTrie::Range {
  std::size_t begin;
  std::size_t end;
  std::size_t depth;
  std::size_t node;
};

PieceTrie::PieceTrie(std::vector<Entry> entries) {
  if (entries.empty()) return;
  std::ranges::sort(entries);
  nodes_.emplace_back();
  std::vector<Range> open = {{0, entries.size(), 0, 0}};
  for (std::size_t next = 0; next < open.size(); ++next) {
    const Range range = open[next];
    std::size_t at = range.begin;
    for (; at < range.end && entries[at].first.size() == range.depth; ++at) {
      nodes_[range.node].value = range.depth == 0 ? -1 : entries[at].second;
    }
    nodes_[range.node].first_edge = static_cast<std::uint32_t>(labels_.size());
    while (at < range.end) {
      const auto label = static_cast<unsigned char>(entries[at].first[range.depth]);
      std::size_t end = at;
      while (end < range.end && static_cast<unsigned char>(entries[end].first[range.depth]) == label) ++end;
      labels_.push_back(label);
      targets_.push_back(static_cast<std::int32_t>(nodes_.size()));
      open.push_back({at, end, range.depth + 1, nodes_.size()});
      nodes_.emplace_back();
      ++nodes_[range.node].edge_count;
      at = end;
    }
  }
  for (std::uint32_t edge = 0; edge < nodes_[0].edge_count; ++edge) root_[labels_[edge]] = targets_[edge];
}

}  // namespace minerva::tokenizers
