// The sequences of one context: which request has which, and what the idle ones still hold of earlier
// requests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "runtime/prefix_store.h"

namespace minerva {

/// Not thread-safe: belongs to the scheduler's thread.
class SequenceTable {
 public:
  SequenceTable(std::unique_ptr<Context> context, PrefixStore& store);

  Context& context() noexcept { return *context_; }
  const Context& context() const noexcept { return *context_; }

  struct Placement {
    SequenceId sequence = 0;
    std::size_t kept = 0;  ///< tokens of the prompt whose state is there already
  };
  /// Gives a request a sequence that holds as much of `tokens` as can be reused; one token at least is left
  /// to compute, for its logits. Nothing when every sequence is taken. Errors: those of the context.
  Result<std::optional<Placement>> place(std::span<const TokenId> tokens, Position planned_length);
  /// How many of `tokens` a sequence holds in a usable way.
  std::size_t reusable(std::span<const TokenId> tokens, Position planned_length) const {
    return best_source(tokens, planned_length).kept;
  }
  /// Whether the state of an earlier position can be had back from where `sequence` is now.
  bool goes_back(SequenceId sequence) const;
  /// The request has left: what its sequence holds stays for others until the room is needed.
  void leave(SequenceId sequence) noexcept;

  /// Tokens whose state `sequence` holds.
  std::span<const TokenId> held(SequenceId sequence) const noexcept { return slot(sequence).tokens; }
  /// These tokens were decoded.
  void extend(SequenceId sequence, std::span<const TokenId> tokens);
  /// After a decode that did not complete: makes `held` and the context agree again.
  void reconcile(SequenceId sequence);
  void forget(SequenceId sequence);

  /// Where a sequence cannot go back to what it holds now once it has gone on, its state is saved.
  void save_if_it_cannot_go_back(SequenceId sequence);

  /// Empties the least recently used idle sequence; false when all idle ones are empty.
  bool evict_one();
  std::uint64_t cells_used() const noexcept;
  bool has_place() const noexcept;

  /// Goes over to another context, made by `make` after the old one is gone. What does not come along has to
  /// be computed again: `may_save` is asked whether there is memory for so many bytes in all. On errors there
  /// is no context any more.
  Result<void> move_to(const std::function<Result<std::unique_ptr<Context>>()>& make,
                       const std::function<bool(std::uint64_t)>& may_save);

 private:
  struct Slot {
    std::vector<TokenId> tokens;
    Position planned_length = 0;
    bool taken = false;
    std::uint64_t last_use = 0;
  };
  struct Source {
    SequenceId sequence = -1;
    std::size_t kept = 0;
  };

  Slot& slot(SequenceId sequence) { return slots_[static_cast<std::size_t>(sequence)]; }
  const Slot& slot(SequenceId sequence) const { return slots_[static_cast<std::size_t>(sequence)]; }
  Source best_source(std::span<const TokenId> tokens, Position planned_length) const;
  SequenceId free_sequence(SequenceId other_than) const noexcept;
  bool restore(const PrefixStore::Entry& entry, std::size_t kept, SequenceId to, Position planned_length);
  void save(SequenceId sequence);

  std::unique_ptr<Context> context_;
  PrefixStore& store_;
  std::vector<Slot> slots_;
  std::uint64_t uses_ = 0;
};

}  // namespace minerva
