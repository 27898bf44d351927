// Keys and values of one sequence, layer by layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/growing_memory.h"
#include "kernels/kernels.h"
#include "native/decoder_spec.h"

namespace minerva::native {

/// Rows are appended, and may be dropped at the end (truncate) and, in layers with a window, at the start.
/// Grows on demand and takes the memory of what it holds, and no more. One thread at a time.
class SequenceCache {
 public:
  SequenceCache(const DecoderSpec& spec, ScalarType type);

  /// Positions held: 0 .. length() - 1, less what windows let go.
  std::int64_t length() const noexcept { return length_; }

  /// Makes room for `count` positions after length(). Errors: OutOfMemory; nothing changed.
  Result<void> reserve(std::int64_t count);
  /// Writes key and value of `position` (below length() + what was reserved) in `layer`; float32 rows
  /// [kv_heads * head_dim] and [kv_heads * value_dim].
  void store(const kernels::Kernels& kernels, int layer, std::int64_t position, const float* key,
             const float* value);
  /// `count` positions have been stored in every layer; what update_state gave is the state from now on.
  void advance(std::int64_t count) noexcept;
  kernels::KvView view(int layer) const noexcept;

  /// The fixed-size state of a recurrent layer: what to read, and where to write what follows it. Until
  /// advance, the state that was stays: forget_updates goes back to it.
  struct StateUpdate {
    const float* from;
    float* to;  ///< equal to `from` after the first update of a batch
  };
  StateUpdate update_state(int layer) noexcept;
  void forget_updates() noexcept;

  /// The largest p <= position that truncate can go back to. With recurrent layers that is all or nothing.
  std::int64_t reusable_prefix(std::int64_t position) const noexcept;
  void truncate(std::int64_t position) noexcept;
  /// Lets go of what no window can see any more, keeping some for going back.
  void drop_unseen();
  /// The first `length` positions of `other` (which reusable_prefix allows), and nothing else.
  Result<void> copy_from(const SequenceCache& other, std::int64_t length);
  void clear() noexcept;

  std::uint64_t bytes() const noexcept;  ///< held in memory

  std::vector<std::byte> save() const;
  Result<void> load(const std::vector<std::byte>& saved);

  /// Bytes that `sequences` sequences of `positions` positions in all take at the most, all layers together:
  /// windows let go of what they no longer see, recurrent layers keep a state however short a sequence is.
  /// 2^62 and more when the number would overflow.
  static std::uint64_t bytes_needed(const DecoderSpec& spec, ScalarType type, std::uint64_t positions,
                                    std::uint64_t sequences) noexcept;
  /// What recurrent layers take of that for one sequence.
  static std::uint64_t fixed_bytes(const DecoderSpec& spec) noexcept;

 private:
  // A growing array of rows that may lose its beginning.
  struct Buffer {
    GrowingMemory memory;
    std::int64_t row_bytes = 0;
    std::int64_t rows = 0;  // that were asked for at the most: what of `memory` takes pages

    std::byte* row(std::int64_t index) const noexcept { return memory.data() + index * row_bytes; }
  };
  struct Layer {
    Buffer keys, values;
    std::int64_t origin = 0;  // the position of row 0
    int window = 0;
    std::vector<float> state, next;  // of a recurrent layer; next: being computed
    bool updated = false;
  };
  void reset_states() noexcept;
  bool recurrent_ = false;  // some layer is
  static bool grow(Buffer& buffer, std::int64_t rows);
  void copy_rows(const Layer& from, Layer& to, std::int64_t rows) const;

  ScalarType type_;
  int kv_heads_, head_dim_, value_dim_;
  std::vector<Layer> layers_;
  std::int64_t length_ = 0;
};

}  // namespace minerva::native
