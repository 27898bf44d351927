#include "text/grammar/recognizer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/limits.h"

namespace minerva::grammar {
namespace {

using Kind = Network::Kind;

constexpr std::size_t kItemsMax = 100'000;  // of one configuration

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 29U);
}

std::uint64_t hash_of(const Recognizer::Item& item) noexcept {
  const std::uint64_t first = (std::uint64_t{item.state} << 32U) | item.origin;
  return mixed(mixed(0x51ED, first), (std::uint64_t{item.rule} << 32U) | item.count);
}

template <class T>
std::size_t bytes_of(const std::vector<T>& items) noexcept {
  return items.size() * sizeof(T);
}

}  // namespace

// ---- the items of one closure

void Recognizer::ItemTable::clear() {
  used_ = 0;
  ++round_;
}

Recognizer::ItemTable::Slot& Recognizer::ItemTable::slot_of(const Item& item) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash_of(item) & mask;
  while (slots_[at].round == round_ && slots_[at].item != item) at = (at + 1) & mask;
  return slots_[at];
}

std::pair<std::uint32_t, bool> Recognizer::ItemTable::insert(const Item& item, std::uint32_t number) {
  if (2 * (used_ + 1) > slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : old)
      if (slot.round == round_) slot_of(slot.item) = slot;
  }
  Slot& slot = slot_of(item);
  if (slot.round == round_) return {slot.number, false};
  slot = {.round = round_, .item = item, .number = number};
  ++used_;
  return {number, true};
}

void Recognizer::ItemTable::set(const Item& item, std::uint32_t number) {
  slot_of(item).number = number;
}

// ---- configurations

Recognizer::Recognizer(const Network& network) : network_(network), configs_(1), by_kernel_(256, kDead) {
  configs_.front().closed = true;
}

ConfigId Recognizer::start() {
  std::vector<Item> kernel = {{.state = network_.rules.front().start, .origin = kOutside}};
  return intern(kernel);
}

std::span<const Recognizer::Item> Recognizer::kernel(ConfigId config) const {
  const Range& range = configs_[config].kernel;
  return std::span(items_).subspan(range.first, range.count);
}

ConfigId Recognizer::intern(std::vector<Item>& kernel) {
  if (kernel.empty()) return kDead;
  std::ranges::sort(kernel);
  const auto [repeated, end] = std::ranges::unique(kernel);
  kernel.erase(repeated, end);
  const auto place = [&](std::span<const Item> items) {
    std::uint64_t hash = items.size();
    for (const Item& item : items) hash = mixed(hash, hash_of(item));
    const std::size_t mask = by_kernel_.size() - 1;
    std::size_t at = hash & mask;
    while (by_kernel_[at] != kDead && !std::ranges::equal(this->kernel(by_kernel_[at]), items))
      at = (at + 1) & mask;
    return at;
  };
  if (const ConfigId known = by_kernel_[place(kernel)]; known != kDead) return known;
  if (2 * configs_.size() > by_kernel_.size()) {
    by_kernel_.assign(by_kernel_.size() * 2, kDead);
    for (ConfigId id = 1; id < configs_.size(); ++id) by_kernel_[place(this->kernel(id))] = id;
  }
  const auto id = static_cast<ConfigId>(configs_.size());
  by_kernel_[place(kernel)] = id;
  configs_.push_back({.kernel = {.first = static_cast<std::uint32_t>(items_.size()),
                                 .count = static_cast<std::uint32_t>(kernel.size())}});
  items_.insert(items_.end(), kernel.begin(), kernel.end());
  return id;
}

ConfigId Recognizer::find_step(ConfigId config, std::uint8_t byte, Budget& budget) {
  if (config == kDead || !close(config, budget)) return kDead;
  if (configs_[config].row == kNone) {
    configs_[config].row = static_cast<std::uint32_t>(rows_.size());
    rows_.resize(rows_.size() + network_.class_count, kNone);
  }
  kernel_.clear();
  const Range scans = configs_[config].scans;
  budget.work -= scans.count;
  for (std::uint32_t i = scans.first; i < scans.first + scans.count; ++i) {
    Item item = items_[i];
    const auto& state = network_.states[item.state];
    if (item.origin == kHere) item.origin = config;
    if (state.kind == Kind::Byte) {
      item.state = state.a;
      if (state.low <= byte && byte <= state.high) kernel_.push_back(item);
      continue;
    }
    const auto edges = std::span(network_.edges).subspan(state.a, state.b);
    const auto edge = std::ranges::lower_bound(edges, byte, {}, &Network::Edge::high);
    if (edge == edges.end() || edge->low > byte) continue;
    item.state = edge->target;
    kernel_.push_back(item);
  }
  const ConfigId next = intern(kernel_);
  if (bytes() > limits::kGrammarMemoBytesMax + limits::kGrammarStepBytesMax) budget.work = -1;
  rows_[configs_[config].row + network_.byte_class[byte]] = next;
  return next;
}

bool Recognizer::accepts(ConfigId config, Budget& budget) {
  return close(config, budget) && configs_[config].accepts;
}

bool Recognizer::ends(ConfigId config, Budget& budget) {
  return close(config, budget) && configs_[config].scans.count == 0;
}

std::span<const Recognizer::Exit> Recognizer::exits(ConfigId config, Budget& budget) {
  if (!close(config, budget)) return {};
  const Range& range = configs_[config].exits;
  return std::span(exits_).subspan(range.first, range.count);
}

void Recognizer::resume(ConfigId origin, std::uint32_t rule, Budget& budget, std::vector<Item>& items) {
  if (!close(origin, budget)) return;
  for (const Caller& caller : callers(origin, rule)) {
    items.push_back(caller.back);
    if (items.back().origin == kHere) items.back().origin = origin;
  }
}

// ---- closures

std::span<const Recognizer::Caller> Recognizer::callers(ConfigId config, std::uint32_t rule) const {
  const Range& range = configs_[config].callers;
  const auto all = std::span(callers_).subspan(range.first, range.count);
  const auto found = std::ranges::equal_range(all, rule, {}, &Caller::called);
  return {found.begin(), found.end()};
}

void Recognizer::meet(const Item& item) {
  if (met_.insert(item, 0).second) queue_.push_back(item);
}

// Where an origin is not this configuration, it is one that led here: its closure is known.
bool Recognizer::close(ConfigId config, Budget& budget) {
  if (configs_[config].closed) return true;
  met_.clear();
  queue_.clear();
  scans_.clear();
  new_callers_.clear();
  new_exits_.clear();
  accepts_ = false;
  for (const Item& item : kernel(config)) meet(item);
  std::size_t next = 0;
  while (next < queue_.size()) {
    if (queue_.size() > kItemsMax) budget.work = -1;
    if (--budget.work < 0) return false;
    follow(Item(queue_[next]));  // a copy: the queue grows
    ++next;
  }
  std::ranges::sort(new_callers_);
  std::ranges::sort(new_exits_);
  const auto kept = [](auto& all, const auto& added) {
    const Range range = {.first = static_cast<std::uint32_t>(all.size()),
                         .count = static_cast<std::uint32_t>(added.size())};
    all.insert(all.end(), added.begin(), added.end());
    return range;
  };
  Config& closed = configs_[config];
  closed.scans = kept(items_, scans_);
  closed.callers = kept(callers_, new_callers_);
  closed.exits = kept(exits_, new_exits_);
  closed.accepts = accepts_;
  closed.closed = true;
  return true;
}

void Recognizer::follow(const Item& item) {
  const auto& state = network_.states[item.state];
  const auto at = [&](StateId id) {
    Item moved = item;
    moved.state = id;
    return moved;
  };
  switch (state.kind) {
    case Kind::Final:
      return finish(item);
    case Kind::Byte:
    case Kind::Bytes:
      scans_.push_back(item);
      return;
    case Kind::Split:
      for (std::uint32_t i = 0; i < state.b; ++i) meet(at(network_.targets[state.a + i]));
      return;
    case Kind::Call:
      new_callers_.push_back({.called = state.a, .back = at(state.b)});
      meet({.state = network_.rules[state.a].start, .origin = kHere, .rule = state.a, .count = 0});
      // Where it matches the empty text it ends in this very configuration, whose callers are not known yet.
      if (network_.rules[state.a].nullable) meet(at(state.b));
      return;
    case Kind::Enter:
      meet(at(state.a));
      return;
    case Kind::Loop:
      return follow_loop(item);
    case Kind::Next: {
      const auto& loop = network_.loops[network_.states[state.a].a];
      Item next = at(state.a);
      next.count = loop.max == kUnbounded ? std::min(item.count + 1, loop.min) : item.count + 1;
      return meet(next);
    }
  }
}

void Recognizer::follow_loop(const Item& item) {
  const auto& loop = network_.loops[network_.states[item.state].a];
  if (item.count >= loop.min) {
    // Whoever may leave can do all that others can who have used up more rounds.
    Item any = item;
    any.count = kNone;
    const auto [least, is_new] = met_.insert(any, item.count);
    if (!is_new && least <= item.count) return;
    if (!is_new) met_.set(any, item.count);
    Item out = item;
    out.state = loop.exit;
    out.count = 0;
    meet(out);
  }
  if (loop.max != kUnbounded && item.count >= loop.max) return;
  Item again = item;
  again.state = loop.body;
  meet(again);
}

void Recognizer::finish(const Item& item) {
  if (item.origin == kHere) return;  // the empty text: see above
  if (item.origin == kOutside) {
    accepts_ = true;
  } else if (is_opaque(item.origin)) {
    new_exits_.push_back({.origin = item.origin, .rule = item.rule});
  } else {
    for (const Caller& caller : callers(item.origin, item.rule)) {
      Item back = caller.back;
      if (back.origin == kHere) back.origin = item.origin;
      meet(back);
    }
  }
}

// ---- memory

std::size_t Recognizer::bytes() const noexcept {
  return bytes_of(configs_) + bytes_of(items_) + bytes_of(callers_) + bytes_of(exits_) + bytes_of(rows_) +
         bytes_of(by_kernel_) + bytes_of(queue_);
}

ConfigId Recognizer::adopt(const Recognizer& other, ConfigId config) {
  // Origins have smaller numbers than what came of them.
  std::map<ConfigId, ConfigId> adopted = {{config, kDead}};
  for (auto each = adopted.rbegin(); each != adopted.rend(); ++each)
    for (const Item& item : other.kernel(each->first))
      if (item.origin < kOpaque) adopted.try_emplace(item.origin, kDead);
  for (auto& [theirs, ours] : adopted) {
    const auto items = other.kernel(theirs);
    std::vector<Item> kernel(items.begin(), items.end());
    for (Item& item : kernel)
      if (item.origin < kOpaque) item.origin = adopted.at(item.origin);
    ours = intern(kernel);
    Budget budget{.work = std::numeric_limits<std::int64_t>::max()};
    close(ours, budget);
  }
  return adopted.at(config);
}

}  // namespace minerva::grammar
