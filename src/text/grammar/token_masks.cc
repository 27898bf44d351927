#include "text/grammar/token_masks.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace minerva::grammar {
namespace {

constexpr std::size_t kShapeItemsMax = 64;
constexpr std::int64_t kNodesPerWork = 8;  // walked in the time that an item takes

void set_bit(std::span<std::uint32_t> mask, TokenId id) {
  const auto at = static_cast<std::uint32_t>(id);
  mask[at / 32] |= 1U << (at % 32);
}

}  // namespace

bool TokenMasks::fill(ConfigId config, std::span<std::uint32_t> mask, Budget& budget) {
  std::vector<ConfigId> configs = {config};
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const ConfigId each = configs[i];
    Shape shape;
    const bool filled =
        shape_of(each, shape) ? add(shape, mask, configs, budget) : walk_into(0, each, mask, budget);
    if (!filled) return false;
  }
  return true;
}

// `more`: configurations whose tokens are to be added too.
bool TokenMasks::add(const Shape& shape, std::span<std::uint32_t> mask, std::vector<ConfigId>& more,
                     Budget& budget) {
  const Local* known = local(shape.config, budget);
  if (known == nullptr) return false;
  for (std::size_t i = 0; i < known->mask.size(); ++i) mask[i] |= known->mask[i];
  for (const TokenId id : known->tokens) set_bit(mask, id);
  for (const auto& [exits, nodes] : known->exits) {
    std::vector<Recognizer::Item> kernel;
    for (const auto& [origin, rule] : exits) {
      const ConfigId real = shape.origins[origin - Recognizer::kOpaque];
      if (real != Recognizer::kOutside) recognizer_.resume(real, rule, budget, kernel);
    }
    const ConfigId after = recognizer_.intern(kernel);
    if (after == Recognizer::kDead) continue;
    for (const std::uint32_t node : nodes) {
      if (node != 0) {
        if (!walk_into(node, after, mask, budget)) return false;
      } else if (std::ranges::find(more, after) == more.end()) {
        more.push_back(after);
      }
    }
  }
  return !budget.exhausted();
}

// False where it is better walked by itself.
bool TokenMasks::shape_of(ConfigId config, Shape& shape) {
  const auto items = recognizer_.kernel(config);
  if (items.size() > kShapeItemsMax) return false;
  std::vector<Recognizer::Item> kernel(items.begin(), items.end());
  for (auto& item : kernel) {
    auto found = std::ranges::find(shape.origins, item.origin);
    if (found == shape.origins.end()) found = shape.origins.insert(found, item.origin);
    item.origin = Recognizer::kOpaque + static_cast<ConfigId>(found - shape.origins.begin());
    item.count = plain_count(item);
  }
  if (shape.origins.size() > Recognizer::kOpaqueCount) return false;
  shape.config = recognizer_.intern(kernel);
  return true;
}

// The count, or one instead of it that makes no difference to any one token: both its bounds are too far
// away.
std::uint32_t TokenMasks::plain_count(const Recognizer::Item& item) const {
  const auto after = std::ranges::upper_bound(network_.loops, item.state, {}, &Network::Loop::first);
  if (after == network_.loops.begin() || item.state > std::prev(after)->last) return item.count;
  const auto& [min, max, body, exit, first, last] = *std::prev(after);
  if (item.count < min) return min - item.count > trie_.depth() ? 0 : item.count;
  return max == kUnbounded || max - item.count > trie_.depth() ? min : item.count;
}

const TokenMasks::Local* TokenMasks::local(ConfigId config, Budget& budget) {
  if (const auto known = locals_.find(config); known != locals_.end()) return &known->second;
  Local found;
  std::vector<std::uint32_t> mask(trie_.mask_words());
  std::vector<TokenId> tokens;
  const auto visit = [&](std::uint32_t node, ConfigId here) {
    for (const TokenId id : trie_.tokens(node)) {
      set_bit(mask, id);
      if (tokens.size() < mask.size()) tokens.push_back(id);
    }
    if (trie_[node].end == node + 1) return;
    if (const auto exits = recognizer_.exits(here, budget); !exits.empty())
      found.exits[{exits.begin(), exits.end()}].push_back(node);
  };
  visit(0, config);
  if (!walk(0, config, budget, visit) || budget.exhausted()) return nullptr;
  if (tokens.size() < mask.size())
    found.tokens = std::move(tokens);
  else
    found.mask = std::move(mask);
  bytes_ += sizeof(Local) + found.mask.size() * sizeof(std::uint32_t) + found.tokens.size() * sizeof(TokenId);
  for (const auto& [exits, nodes] : found.exits)
    bytes_ += 64 + exits.size() * sizeof(Recognizer::Exit) + nodes.size() * sizeof(std::uint32_t);
  return &locals_.emplace(config, std::move(found)).first->second;
}

// Calls `visit` for each node below `top` that its bytes lead to from `config`, which `top` stands for.
template <class Visit>
bool TokenMasks::walk(std::uint32_t top, ConfigId config, Budget& budget, Visit visit) {
  path_[trie_[top].depth] = config;
  const std::uint32_t end = trie_[top].end;
  std::int64_t nodes = 0;
  for (std::uint32_t i = top + 1; i < end;) {
    const auto& node = trie_[i];
    ++nodes;
    const ConfigId next = recognizer_.step(path_[node.depth - 1], node.byte, budget);
    if (next == Recognizer::kDead) {
      if (budget.exhausted()) return false;
      i = node.end;
      continue;
    }
    path_[node.depth] = next;
    visit(i, next);
    ++i;
  }
  budget.work -= nodes / kNodesPerWork;
  return !budget.exhausted();
}

bool TokenMasks::walk_into(std::uint32_t top, ConfigId config, std::span<std::uint32_t> mask,
                           Budget& budget) {
  return walk(top, config, budget, [&](std::uint32_t node, ConfigId) {
    for (const TokenId id : trie_.tokens(node)) set_bit(mask, id);
  });
}

}  // namespace minerva::grammar
