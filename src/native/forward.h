// The forward pass: one for all families, steered by a DecoderSpec.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "kernels/kernels.h"
#include "minerva/types.h"
#include "native/decoder_spec.h"
#include "native/kv_cache.h"
#include "native/weights.h"

namespace minerva::native {

/// What one sequence carries from batch to batch.
struct SequenceState {
  SequenceState(const DecoderSpec& spec, ScalarType type, std::uint32_t planned);

  SequenceCache cache;
  /// Whether what was computed is also right for a sequence of `planned` positions.
  bool same_rotation(const DecoderSpec& spec, std::uint32_t planned) const noexcept;

  std::uint32_t planned_length;
  std::vector<std::vector<float>> frequencies;  ///< of each of the spec's rotary sets
};

/// One row to compute. Rows of one sequence stand in the order of their positions.
struct ForwardRow {
  SequenceState* sequence = nullptr;
  std::int64_t position = 0;
  TokenId token = 0;
  const float* embedding = nullptr;  ///< instead of a token: hidden floats
  bool wants_logits = false;
  bool wants_hidden = false;
};

/// Computes batches for one model. Holds working memory, so one thread at a time; the kernels' pool does the
/// work. `spec` and `weights` must outlive it.
class ForwardPass {
 public:
  ForwardPass(const DecoderSpec& spec, const DecoderWeights& weights, kernels::Kernels& kernels,
              NumericMode mode);

  /// Computes `rows` (caches have room: SequenceCache::reserve) and appends them to their sequences' caches.
  /// False when `stop` was requested between layers: caches then hold what they held before.
  bool run(std::span<const ForwardRow> rows, const std::stop_token& stop);

  /// Logits (vocabulary floats) or hidden state (hidden floats) of row `row` of the last run; empty when it
  /// asked for nothing.
  std::span<const float> output(std::size_t row) const;

  /// Working memory for `rows` rows of which `outputs` want logits, in bytes.
  static std::uint64_t working_bytes(const DecoderSpec& spec, std::uint64_t rows,
                                     std::uint64_t outputs) noexcept;
  std::uint64_t working_bytes() const noexcept;

 private:
  using Buffer = std::vector<float>;

  kernels::Rows rows_of(Buffer& buffer, std::int64_t width) const;
  void embed(std::span<const ForwardRow> rows);
  void embed_projected(std::span<const ForwardRow> rows);
  void prepare_rotary(std::span<const ForwardRow> rows);
  void norm(const Norm& norm, kernels::ConstRows x, kernels::Rows y);
  void attention(int layer, std::span<const ForwardRow> rows, kernels::Rows x, kernels::Rows out);
  void mixer(int layer, std::span<const ForwardRow> rows, kernels::Rows x, kernels::Rows out);
  kernels::RotaryTable rotary_of(int layer) const;
  void project_attention(int layer, kernels::ConstRows x);
  void project_qkv(int layer, kernels::ConstRows x);
  void split_qkv(const Linear& qkv);
  void normalise_heads(const LayerWeights& weights);
  void apply_qk_norm(const Norm& weights, Buffer& buffer, int heads);
  void mlp(int layer, kernels::ConstRows x, kernels::Rows out);
  void dense(const Mlp& mlp, const LayerWeights& layer, kernels::ConstRows x, kernels::Rows out);
  void experts(const LayerWeights& layer, kernels::ConstRows x, kernels::Rows out);
  void shared_expert(const LayerWeights& layer, kernels::ConstRows x, kernels::Rows out);
  // forward_mixers.cc
  void linear(const Linear& weights, kernels::ConstRows x, kernels::Rows y);
  void project_latent(int layer, kernels::ConstRows x);
  void split_gates(kernels::ConstRows both);
  void apply_gates(kernels::Rows attended);
  std::span<const SequenceCache::StateUpdate> update_states(int layer, std::span<const ForwardRow> rows);
  void convolution(int layer, std::span<const ForwardRow> rows, kernels::ConstRows x, kernels::Rows out);
  void delta_net(int layer, std::span<const ForwardRow> rows, kernels::ConstRows x, kernels::Rows out);
  void split_delta(kernels::ConstRows all, kernels::Rows qkv, kernels::Rows z) const;
  void add_block(const Norm& post_norm, kernels::Rows block);
  void block(int layer, std::span<const ForwardRow> rows);
  void head(std::span<const ForwardRow> rows);

  const DecoderSpec& spec_;
  const DecoderWeights& weights_;
  kernels::Kernels& kernels_;
  NumericMode mode_;
  std::vector<float> alibi_;

  std::int64_t count_ = 0;  // rows of this run
  Buffer x_, normed_, normed2_, q_, k_, v_, qkv_, attended_, block_, block2_, gate_, up_;
  Buffer router_, gathered_, expert_out_, shared_;
  Buffer mixed_, mixed2_;  // of latent and gated attention, and of recurrent layers
  std::vector<SequenceCache::StateUpdate> states_;
  // cosines and sines of each rotary set for the rows of this run
  struct Table {
    Buffer cosines, sines;
    std::int64_t half = 0;
  };
  std::vector<Table> tables_;
  std::vector<std::int64_t> table_rows_;
  std::vector<kernels::KvView> views_;
  std::vector<kernels::AttentionRow> attention_rows_;

  Buffer outputs_;                          // logits or hidden states, in order of the rows that asked
  std::vector<std::int64_t> output_at_;     // per row: offset into outputs_, or -1
  std::vector<std::int64_t> output_width_;  // per row
};

}  // namespace minerva::native
