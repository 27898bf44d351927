// All strings of a set that a text begins with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace minerva::tokenizers {

/// Immutable and thread-safe.
class PieceTrie {
 public:
  using Entry = std::pair<std::string_view, std::int32_t>;

  PieceTrie() = default;
  /// Strings need not be sorted. Of equal strings the highest value counts; empty ones never match.
  explicit PieceTrie(std::vector<Entry> entries);

  /// Calls `found(length, value)` for every string that `text` begins with, shortest first.
  template <class Found>
  void prefixes(std::string_view text, Found&& found) const {
    if (text.empty() || nodes_.empty()) return;
    std::int32_t node = root_[static_cast<unsigned char>(text[0])];
    for (std::size_t length = 1; node >= 0; ++length) {
      const Node& here = nodes_[static_cast<std::size_t>(node)];
      if (here.value >= 0) found(length, here.value);
      if (length == text.size()) return;
      node = child(here, static_cast<unsigned char>(text[length]));
    }
  }

  /// The longest string that `text` begins with: its length (0: none) and value.
  std::pair<std::size_t, std::int32_t> longest_prefix(std::string_view text) const {
    std::pair<std::size_t, std::int32_t> longest{0, -1};
    prefixes(text, [&](std::size_t length, std::int32_t value) { longest = {length, value}; });
    return longest;
  }

  bool empty() const noexcept { return nodes_.empty(); }
  /// Whether any string begins with `byte`.
  bool begins_with(unsigned char byte) const noexcept { return root_[byte] >= 0; }

 private:
  struct Node {
    std::uint32_t first_edge = 0;
    std::int32_t value = -1;
    std::uint16_t edge_count = 0;
  };
  struct Range;
  std::int32_t child(const Node& node, unsigned char label) const noexcept {
    const std::uint32_t end = node.first_edge + node.edge_count;
    for (std::uint32_t edge = node.first_edge; edge < end; ++edge) {
      if (labels_[edge] == label) return targets_[edge];
      if (labels_[edge] > label) return -1;
    }
    return -1;
  }

  std::array<std::int32_t, 256> root_ = [] {
    std::array<std::int32_t, 256> none{};
    none.fill(-1);
    return none;
  }();
  std::vector<Node> nodes_;
  std::vector<std::uint8_t> labels_;
  std::vector<std::int32_t> targets_;
};

}  // namespace minerva::tokenizers
