// llama.cpp's context behind our interface.
#pragma once

#include <llama.h>

#include <memory>
#include <optional>
#include <vector>

#include "backends/backend.h"
#include "backends/llama/llama_model.h"
#include "backends/llama/thread_pool.h"

namespace minerva {

class LlamaContext final : public Context {
 public:
  static Result<std::unique_ptr<Context>> make(std::shared_ptr<LlamaModel> model,
                                               const ContextOptions& options);
  ~LlamaContext() override;

  Result<void> begin(SequenceId sequence, Position planned_length) override;
  DecodeResult decode(std::span<const BatchRow> batch, std::stop_token stop) override;
  std::span<const float> outputs(std::size_t row) const override;
  Position length(SequenceId sequence) const override;
  Position reusable_prefix(SequenceId sequence, Position position, Position planned_length) const override;
  Result<void> truncate(SequenceId sequence, Position position, Position planned_length) override;
  Result<void> copy(SequenceId from, SequenceId to, Position length, Position planned_length) override;
  Result<SequenceSnapshot> snapshot(SequenceId sequence) const override;
  Result<void> restore(SequenceId sequence, const SequenceSnapshot& snapshot) override;
  std::uint64_t state_bytes(SequenceId sequence) const override;
  void release(SequenceId sequence) override;
  std::uint32_t context_tokens() const noexcept override { return context_tokens_; }
  std::uint32_t sequences_max() const noexcept override {
    return static_cast<std::uint32_t>(lengths_.size());
  }
  std::uint32_t batch_tokens() const noexcept override { return batch_tokens_; }
  std::uint64_t kv_bytes() const noexcept override { return kv_bytes_; }

 private:
  struct Free {
    void operator()(llama_context* context) const noexcept { llama_free(context); }
  };
  // The arrays a llama_batch points to.
  struct Batch {
    std::vector<llama_token> tokens;
    std::vector<llama_pos> positions;
    std::vector<std::int32_t> sequence_counts;
    std::vector<llama_seq_id> sequences;
    std::vector<llama_seq_id*> sequence_pointers;
    std::vector<std::int8_t> wants_logits;
    void assign(std::span<const BatchRow> rows);
    llama_batch view();
  };

  LlamaContext(std::shared_ptr<LlamaModel> model, std::shared_ptr<GgmlThreadPool> pool);
  Result<void> try_out();
  bool is_valid(SequenceId sequence) const noexcept;
  Result<void> check_sequence(SequenceId sequence) const;
  std::optional<DecodeResult> refuse(std::span<const BatchRow> batch) const;
  std::size_t rows_of_next_part(std::span<const BatchRow> rest) const noexcept;
  DecodeResult decode_part(std::span<const BatchRow> rows);
  void take_outputs(std::span<const BatchRow> rows, std::size_t first_row, bool only_part);
  void believe_memory(std::span<const BatchRow> rows);

  std::shared_ptr<LlamaModel> model_;
  std::shared_ptr<GgmlThreadPool> pool_;
  std::unique_ptr<llama_context, Free> context_;
  llama_memory_t memory_ = nullptr;
  std::uint32_t context_tokens_ = 0;
  std::uint32_t batch_tokens_ = 0;
  std::uint32_t outputs_max_ = 0;  // rows with logits in one call of llama_decode
  std::uint64_t kv_bytes_ = 0;
  std::vector<Position> lengths_;  // by sequence
  Batch batch_;
  std::vector<std::span<const float>> outputs_;  // by row of the last batch
  std::vector<float> kept_outputs_;              // where several calls made them
  std::optional<Error> broken_;                  // libllama failed an assertion: no more calls into it
  std::stop_token stop_;                         // of the running decode; read by llama.cpp's threads
};

}  // namespace minerva
