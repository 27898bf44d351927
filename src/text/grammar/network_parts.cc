#include "text/grammar/network_parts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::grammar {
namespace {

using Edge = Network::Edge;
using Kind = Network::Kind;

std::uint8_t byte_of(char c) noexcept {
  return static_cast<std::uint8_t>(c);
}

// Characters whose UTF-8 has `length` bytes, each anywhere in its range.
struct ByteRanges {
  std::array<std::pair<std::uint8_t, std::uint8_t>, 4> at{};
  std::size_t length = 0;
};

// Divides a range of characters where the ranges of its bytes would not be independent of each other.
void divide(char32_t first, char32_t last, std::vector<ByteRanges>& out) {
  for (const char32_t longest : {0x7FU, 0x7FFU, 0xFFFFU}) {
    if (first > longest || last <= longest) continue;
    divide(first, longest, out);
    return divide(longest + 1, last, out);
  }
  std::string low;
  std::string high;
  tokenizers::append_utf8(low, first);
  tokenizers::append_utf8(high, last);
  for (unsigned i = 1; i < low.size(); ++i) {
    const char32_t mask = (char32_t{1} << (6 * i)) - 1;
    if ((first | mask) >= last) continue;
    if ((first & mask) != 0) {
      divide(first, first | mask, out);
      return divide((first | mask) + 1, last, out);
    }
    if ((last & mask) != mask) {
      divide(first, (last & ~mask) - 1, out);
      return divide(last & ~mask, last, out);
    }
  }
  ByteRanges& ranges = out.emplace_back();
  ranges.length = low.size();
  for (std::size_t i = 0; i < low.size(); ++i) ranges.at.at(i) = {byte_of(low[i]), byte_of(high[i])};
}

// Their bytes from `at` on, with one state for what is equal.
class CharacterWriter {
 public:
  CharacterWriter(NetworkParts& parts, StateId next) : parts_(parts), next_(next) {}

  StateId write(std::span<const ByteRanges> characters, std::size_t at) {
    std::vector<Edge> edges;
    for (std::size_t i = 0; i < characters.size();) {
      const auto range = characters[i].at.at(at);
      std::size_t end = i;
      while (end < characters.size() && characters[end].at.at(at) == range) ++end;
      const StateId target =
          at + 1 == characters[i].length ? next_ : write(characters.subspan(i, end - i), at + 1);
      if (!edges.empty() && edges.back().target == target && edges.back().high + 1 == range.first)
        edges.back().high = range.second;
      else
        edges.push_back({range.first, range.second, target});
      i = end;
    }
    const auto [entry, added] = known_.try_emplace(edges, 0);
    if (added) entry->second = parts_.bytes(edges);
    return entry->second;
  }

 private:
  NetworkParts& parts_;
  StateId next_;
  std::map<std::vector<Edge>, StateId> known_;
};

}  // namespace

StateId NetworkParts::add(Network::State state) {
  network_.states.push_back(state);
  return static_cast<StateId>(network_.states.size() - 1);
}

StateId NetworkParts::split(std::span<const StateId> targets) {
  if (targets.size() == 1) return targets.front();
  const auto first = static_cast<std::uint32_t>(network_.targets.size());
  network_.targets.insert(network_.targets.end(), targets.begin(), targets.end());
  return add({.kind = Kind::Split, .a = first, .b = static_cast<std::uint32_t>(targets.size())});
}

StateId NetworkParts::bytes(std::span<const Edge> edges) {
  if (edges.size() == 1) {
    const Edge& edge = edges.front();
    return add({.kind = Kind::Byte, .low = edge.low, .high = edge.high, .a = edge.target});
  }
  const auto first = static_cast<std::uint32_t>(network_.edges.size());
  network_.edges.insert(network_.edges.end(), edges.begin(), edges.end());
  return add({.kind = Kind::Bytes, .a = first, .b = static_cast<std::uint32_t>(edges.size())});
}

StateId NetworkParts::literal(std::string_view text, StateId next) {
  for (std::size_t i = text.size(); i-- > 0;)
    next = add({.kind = Kind::Byte, .low = byte_of(text[i]), .high = byte_of(text[i]), .a = next});
  return next;
}

StateId NetworkParts::literals(std::span<const std::string_view> texts, StateId next) {
  struct Node {
    bool ends = false;
    std::vector<Edge> edges = {};
  };
  std::vector<Node> path(1);  // of the text at hand
  std::string_view text;
  const auto close = [&] {
    const Node node = std::move(path.back());
    path.pop_back();
    std::vector<StateId> ways;
    if (node.ends) ways.push_back(next);
    if (!node.edges.empty()) ways.push_back(bytes(node.edges));
    return split(ways);
  };
  const auto shorten_to = [&](std::size_t length) {
    while (path.size() > length + 1) {
      const StateId rest = close();
      const std::uint8_t byte = byte_of(text[path.size() - 1]);
      path.back().edges.push_back({byte, byte, rest});
    }
  };
  for (const std::string_view each : texts) {
    const auto common = std::ranges::mismatch(text, each).in2 - each.begin();
    shorten_to(static_cast<std::size_t>(common));
    path.resize(each.size() + 1);
    path.back().ends = true;
    text = each;
  }
  shorten_to(0);
  return close();
}

StateId NetworkParts::character(const CodePointSet& set, StateId next) {
  std::vector<ByteRanges> characters;
  for (const auto& [first, last] : set.ranges()) divide(first, last, characters);
  return CharacterWriter(*this, next).write(characters, 0);
}

}  // namespace minerva::grammar
