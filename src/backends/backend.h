// The narrow waist: what a backend is to everything above it. A backend loads a model and turns a batch of
// (sequence, position, token) rows into logits; all that a user notices is written once, above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "minerva/model_description.h"
#include "minerva/types.h"
#include "text/tokenizer/tokenizer.h"

namespace minerva {

using SequenceId = std::int32_t;
using Position = std::int32_t;

/// What a backend can do beyond decoding tokens to logits. A request that needs what is false here is
/// refused by the layers above.
struct BackendCapabilities {
  bool embedding_rows = false;   ///< batch rows may carry an embedding vector instead of a token
  bool hidden_states = false;    ///< RowOutput::HiddenState
  bool adapters = false;         ///< LoRA
  bool numeric_modes = false;    ///< exact and fast
  bool snapshots = false;        ///< Context::snapshot and restore
  bool batch_invariant = false;  ///< a row's result does not depend on the rest of the batch
};

enum class Support : std::uint8_t { Yes, AfterConversion, No };
struct SupportAnswer {
  Support support = Support::No;
  std::string reason;  ///< why, as a sentence a user can read
};

struct LoadOptions {
  bool use_mmap = true;
  NumericMode numeric_mode = NumericMode::Default;
};

struct ContextOptions {
  std::uint32_t context_tokens = 0;  ///< cells for all sequences together; 0 = what the model was trained for
  std::uint32_t sequences_max = 1;
  std::uint32_t batch_tokens = 512;  ///< rows in one `decode` at the most
  int threads = 0;                   ///< 0 = all cores this process may use
};

/// Bytes, predicted before anything is loaded.
struct MemoryNeed {
  std::uint64_t weights_bytes = 0;
  std::uint64_t kv_bytes = 0;
  std::uint64_t compute_bytes = 0;  ///< working memory of one decode
  std::uint64_t total() const noexcept { return weights_bytes + kv_bytes + compute_bytes; }
};

enum class RowOutput : std::uint8_t { None, Logits, HiddenState };

/// One row of a batch.
struct BatchRow {
  /// A token, or an embedding vector of the model's hidden size that stays valid during `decode`.
  std::variant<TokenId, std::span<const float>> input = TokenId{0};
  SequenceId sequence = 0;
  Position position = 0;
  RowOutput output = RowOutput::None;
};

enum class DecodeStatus : std::uint8_t {
  Ok,
  NoSlot,   ///< the cache has no room for these rows; nothing was changed
  Aborted,  ///< `stop` was requested; sequences of the batch are to be truncated to where they were
  Fatal,    ///< the model or context is unusable; `DecodeResult::error` says why
};
struct DecodeResult {
  DecodeStatus status = DecodeStatus::Ok;
  Error error;  ///< set when status is NoSlot, Aborted or Fatal
};

/// A saved state of one sequence, opaque to the layers above; only for the context kind that made it.
struct SequenceSnapshot {
  std::vector<std::byte> bytes;
  Position length = 0;
};

/// KV cache or recurrent state of up to N sequences. Not thread-safe: one thread at a time. Keeps its Model
/// alive.
class Context {
 public:
  virtual ~Context() = default;

  /// Starts `sequence` empty. `planned_length`: the positions that will be computed (prompt + new tokens -
  /// 1).
  virtual Result<void> begin(SequenceId sequence, Position planned_length) = 0;

  /// Computes the rows. Positions of one sequence must go on from where the sequence ends. Looks at `stop`
  /// between and within computations.
  virtual DecodeResult decode(std::span<const BatchRow> batch, std::stop_token stop = {}) = 0;

  /// What the last `decode` computed for row `row` of its batch: vocabulary_size logits, or hidden_size
  /// floats. Valid until the next call that is not const. Empty when the row asked for nothing.
  virtual std::span<const float> outputs(std::size_t row) const = 0;

  /// Tokens held for `sequence`.
  virtual Position length(SequenceId sequence) const = 0;

  /// The largest p <= `position` to which `sequence` can really be truncated and go on, as a sequence of
  /// `planned_length` positions (see begin), with results equal to a fresh computation; 0 means start again.
  /// Where a model's rotation depends on the length, a prefix computed for another plan may be of no use.
  virtual Position reusable_prefix(SequenceId sequence, Position position, Position planned_length) const = 0;

  /// Forgets positions >= `position`, which must be what reusable_prefix allows for `planned_length` (else
  /// InvalidRequest; nothing changed). From here on `planned_length` is the sequence's plan.
  virtual Result<void> truncate(SequenceId sequence, Position position, Position planned_length) = 0;

  /// Makes `to` (emptied first) share the first `length` positions of `from`, with a plan of its own: what
  /// reusable_prefix of `from` allows for it (else InvalidRequest).
  virtual Result<void> copy(SequenceId from, SequenceId to, Position length, Position planned_length) = 0;

  virtual Result<SequenceSnapshot> snapshot(SequenceId sequence) const = 0;
  virtual Result<void> restore(SequenceId sequence, const SequenceSnapshot& snapshot) = 0;

  /// Bytes of state that `sequence` holds now.
  virtual std::uint64_t state_bytes(SequenceId sequence) const = 0;

  /// Forgets `sequence`.
  virtual void release(SequenceId sequence) = 0;

  virtual std::uint32_t context_tokens() const noexcept = 0;
  virtual std::uint32_t sequences_max() const noexcept = 0;
  virtual std::uint32_t batch_tokens() const noexcept = 0;
  /// Bytes of the KV cache as allocated.
  virtual std::uint64_t kv_bytes() const noexcept = 0;
};

struct ModelInfo {
  std::size_t vocabulary_size = 0;
  std::size_t hidden_size = 0;
  std::uint32_t context_length = 0;  ///< trained for
  std::uint64_t weights_bytes = 0;   ///< in memory or mapped
  std::string numeric_mode;          ///< as `run --json` reports it
};

/// Immutable weights. Thread-safe.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const noexcept = 0;
  /// What the model and a context of this size take. Known without its files, which may be gone by now.
  virtual MemoryNeed memory_needed(const ContextOptions& context) const noexcept = 0;
  /// Errors: OutOfMemory, InvalidRequest.
  virtual Result<std::unique_ptr<Context>> new_context(const ContextOptions& options) = 0;
  /// The tokenizer, where loading the model had to read the vocabulary anyway; else null, and
  /// `load_tokenizer(description)` makes the same one.
  virtual std::shared_ptr<const Tokenizer> vocabulary() const { return nullptr; }
  /// Not null once a mapped weight file failed to be read (truncated, disk error): every request that uses
  /// the model ends with this error.
  virtual const Error* poisoned() const noexcept { return nullptr; }
};

/// Thread-safe.
class InferenceBackend {
 public:
  virtual ~InferenceBackend() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual std::string version() const = 0;
  virtual BackendCapabilities capabilities() const noexcept = 0;
  virtual SupportAnswer supports(const ModelDescription& description) const = 0;
  virtual Result<MemoryNeed> memory_needed(const ModelDescription& description, const LoadOptions& load,
                                           const ContextOptions& context) const = 0;
  /// Errors: ModelLoading, OutOfMemory, Cancelled (when `progress` returned false).
  virtual Result<std::shared_ptr<Model>> load(const ModelDescription& description, const LoadOptions& options,
                                              const LoadProgress& progress) = 0;
};

}  // namespace minerva
