#include "runtime/sequence_table.h"

#include <algorithm>
#include <utility>

namespace minerva {
namespace {

// Less than this is computed again sooner than it is saved and restored.
constexpr std::size_t kWorthSaving = 64;

}  // namespace

SequenceTable::SequenceTable(std::unique_ptr<Context> context, PrefixStore& store)
    : context_(std::move(context)), store_(store), slots_(context_->sequences_max()) {}

bool SequenceTable::has_place() const noexcept {
  return std::ranges::any_of(slots_, [](const Slot& s) { return !s.taken; });
}

std::uint64_t SequenceTable::cells_used() const noexcept {
  std::uint64_t cells = 0;
  for (const Slot& s : slots_) cells += s.tokens.size();
  return cells;
}

// The sequence that holds the most of `tokens` in a usable way; an idle one rather than one that computes.
SequenceTable::Source SequenceTable::best_source(std::span<const TokenId> tokens,
                                                 Position planned_length) const {
  Source best;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    const std::size_t common = std::min(common_prefix(slots_[i].tokens, tokens), tokens.size() - 1);
    if (common == 0) continue;
    const Position usable = context_->reusable_prefix(id, static_cast<Position>(common), planned_length);
    const auto kept = static_cast<std::size_t>(std::max(usable, Position{0}));
    const bool better = kept > best.kept || (kept == best.kept && kept > 0 && !slots_[i].taken &&
                                             slots_[static_cast<std::size_t>(best.sequence)].taken);
    if (better) best = {id, kept};
  }
  return best;
}

// An empty sequence if there is one, else the idle one that was not used for the longest time.
SequenceId SequenceTable::free_sequence(SequenceId other_than) const noexcept {
  SequenceId best = -1;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    if (slots_[i].taken || id == other_than) continue;
    if (slots_[i].tokens.empty()) return id;
    if (best < 0 || slots_[i].last_use < slot(best).last_use) best = id;
  }
  return best;
}

bool SequenceTable::goes_back(SequenceId sequence) const {
  const Slot& s = slot(sequence);
  const auto half = static_cast<Position>(s.tokens.size() / 2);
  return half == 0 || context_->reusable_prefix(sequence, half, s.planned_length) == half;
}

void SequenceTable::save(SequenceId sequence) {
  const Slot& s = slot(sequence);
  if (s.tokens.size() < kWorthSaving || context_->state_bytes(sequence) > store_.bytes_max()) return;
  auto snapshot = context_->snapshot(sequence);
  if (!snapshot) return;  // a backend without snapshots computes again
  store_.put({.tokens = s.tokens, .snapshot = std::move(*snapshot), .goes_back = goes_back(sequence)});
}

void SequenceTable::save_if_it_cannot_go_back(SequenceId sequence) {
  if (!goes_back(sequence)) save(sequence);
}

bool SequenceTable::restore(const PrefixStore::Entry& entry, std::size_t kept, SequenceId to,
                            Position planned_length) {
  const auto length = static_cast<Position>(kept);
  if (context_->restore(to, entry.snapshot) &&
      context_->reusable_prefix(to, length, planned_length) == length &&
      context_->truncate(to, length, planned_length)) {
    slot(to).tokens.assign(entry.tokens.begin(), entry.tokens.begin() + length);
    return true;
  }
  context_->release(to);
  return false;
}

Result<std::optional<SequenceTable::Placement>> SequenceTable::place(std::span<const TokenId> tokens,
                                                                     Position planned_length) {
  if (!has_place()) return std::nullopt;
  const Source source = best_source(tokens, planned_length);
  auto saved = store_.take(tokens, source.kept + kWorthSaving);
  // A sequence that computes, or holds much besides, is copied where another is free for the copy.
  SequenceId to = source.sequence;
  bool copies = false;
  if (to >= 0) {
    const std::size_t lost = slot(to).tokens.size() - source.kept;
    const SequenceId other = free_sequence(to);
    const bool other_is_empty = other >= 0 && slot(other).tokens.empty();
    copies = slot(to).taken || (lost > kWorthSaving && other_is_empty);
    if (copies) to = other;
  }
  if (to < 0 || saved) {
    to = free_sequence(-1);
    copies = false;
  }
  Slot& s = slot(to);
  std::size_t kept = saved || to != source.sequence ? 0 : source.kept;
  if (s.tokens.size() > kept + kWorthSaving) save(to);

  if (saved) {
    context_->release(to);
    s.tokens.clear();
    const std::size_t wanted = std::min(saved->common, tokens.size() - 1);
    if (restore(saved->entry, wanted, to, planned_length)) kept = wanted;
    // Others may begin there too; from one that goes back they can copy.
    if (!saved->entry.goes_back) store_.put(std::move(saved->entry));
  } else if (copies &&
             context_->copy(source.sequence, to, static_cast<Position>(source.kept), planned_length)) {
    kept = source.kept;
    s.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(kept));
  } else if (kept > 0) {
    MINERVA_TRY(context_->truncate(to, static_cast<Position>(kept), planned_length));
    s.tokens.resize(kept);
  }
  if (kept == 0) {
    context_->release(to);
    s.tokens.clear();
    MINERVA_TRY(context_->begin(to, planned_length));
  }
  s.planned_length = planned_length;
  s.taken = true;
  s.last_use = ++uses_;
  return Placement{to, kept};
}

void SequenceTable::leave(SequenceId sequence) noexcept {
  slot(sequence).taken = false;
  slot(sequence).last_use = ++uses_;
}

void SequenceTable::extend(SequenceId sequence, std::span<const TokenId> tokens) {
  auto& held = slot(sequence).tokens;
  held.insert(held.end(), tokens.begin(), tokens.end());
}

void SequenceTable::reconcile(SequenceId sequence) {
  Slot& s = slot(sequence);
  const auto known = static_cast<Position>(s.tokens.size());
  if (known > 0 && context_->length(sequence) >= known &&
      context_->reusable_prefix(sequence, known, s.planned_length) == known &&
      context_->truncate(sequence, known, s.planned_length))
    return;
  forget(sequence);
}

void SequenceTable::forget(SequenceId sequence) {
  Slot& s = slot(sequence);
  context_->release(sequence);
  s.tokens.clear();
  if (!s.taken) return;
  // A plan that fitted once fits again.
  [[maybe_unused]] const auto begun = context_->begin(sequence, s.planned_length);
}

bool SequenceTable::evict_one() {
  SequenceId oldest = -1;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    if (slots_[i].taken || slots_[i].tokens.empty()) continue;
    if (oldest < 0 || slots_[i].last_use < slot(oldest).last_use) oldest = id;
  }
  if (oldest < 0) return false;
  save(oldest);
  forget(oldest);
  return true;
}

Result<void> SequenceTable::move_to(const std::function<Result<std::unique_ptr<Context>>()>& make,
                                    const std::function<bool(std::uint64_t)>& may_save) {
  std::vector<std::optional<SequenceSnapshot>> snapshots(slots_.size());
  std::uint64_t saved = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    if (slots_[i].tokens.size() < kWorthSaving) continue;
    const std::uint64_t bytes = context_->state_bytes(id);
    if (!may_save(saved + bytes)) continue;
    saved += bytes;
    if (auto snapshot = context_->snapshot(id)) snapshots[i] = std::move(*snapshot);
  }
  context_.reset();
  MINERVA_ASSIGN(context_, make());
  slots_.resize(std::max<std::size_t>(slots_.size(), context_->sequences_max()));
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    Slot& s = slots_[i];
    const bool restored = i < snapshots.size() && snapshots[i] && context_->restore(id, *snapshots[i]);
    const auto held = static_cast<Position>(s.tokens.size());
    if (restored && context_->reusable_prefix(id, held, s.planned_length) == held &&
        context_->truncate(id, held, s.planned_length)) {
      snapshots[i].reset();
    } else {
      forget(id);
    }
  }
  return {};
}

}  // namespace minerva
