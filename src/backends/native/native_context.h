// Sequences of a native model.
#pragma once

#include <memory>
#include <vector>

#include "backends/backend.h"
#include "backends/native/compute.h"
#include "backends/native/native_model.h"
#include "native/forward.h"

namespace minerva {

class NativeContext final : public Context {
 public:
  NativeContext(std::shared_ptr<NativeModel> model, const ContextOptions& options);

  Result<void> begin(SequenceId sequence, Position planned_length) override;
  DecodeResult decode(std::span<const BatchRow> batch, std::stop_token stop) override;
  std::span<const float> outputs(std::size_t row) const override { return forward_.output(row); }
  Position length(SequenceId sequence) const override;
  Position reusable_prefix(SequenceId sequence, Position position, Position planned_length) const override;
  Result<void> truncate(SequenceId sequence, Position position, Position planned_length) override;
  Result<void> copy(SequenceId from, SequenceId to, Position length, Position planned_length) override;
  Result<SequenceSnapshot> snapshot(SequenceId sequence) const override;
  Result<void> restore(SequenceId sequence, const SequenceSnapshot& snapshot) override;
  std::uint64_t state_bytes(SequenceId sequence) const override;
  void release(SequenceId sequence) override;
  std::uint32_t context_tokens() const noexcept override { return options_.context_tokens; }
  std::uint32_t sequences_max() const noexcept override { return options_.sequences_max; }
  std::uint32_t batch_tokens() const noexcept override { return options_.batch_tokens; }
  std::uint64_t kv_bytes() const noexcept override;

 private:
  native::SequenceState* find(SequenceId sequence) const noexcept;
  Result<void> check_sequence(SequenceId sequence) const;
  // The rows of a batch as the forward pass takes them, or why they are refused.
  Result<std::vector<native::ForwardRow>> prepare(std::span<const BatchRow> batch);
  bool has_room(std::size_t rows) const noexcept;

  std::shared_ptr<NativeModel> model_;
  ContextOptions options_;
  std::shared_ptr<NativeCompute> compute_;
  native::ForwardPass forward_;
  std::vector<std::unique_ptr<native::SequenceState>> sequences_;  // by id; null: not begun
};

}  // namespace minerva
