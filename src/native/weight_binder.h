// Finds a model's tensors by the names of its DecoderSpec, checks them, and turns each into a weight.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "formats/checkpoint.h"
#include "native/decoder_spec.h"
#include "native/weights.h"

namespace minerva::native {

/// Whether a tensor holds what follows from config.json, not a weight: causal masks, rotary frequencies.
bool is_no_weight(std::string_view name) noexcept;

/// Names are patterns: "{}" stands for the layer and "{e}" for the expert that `at` chose; those of modules
/// are without ".weight". An empty one means that the model has no such thing, and gives an empty weight.
/// Weights view the checkpoint where they can. Errors: ModelLoading, naming file and tensor. `spec` and
/// `checkpoint` must outlive it.
class WeightBinder {
 public:
  WeightBinder(const DecoderSpec& spec, Checkpoint& checkpoint);

  void at(int layer, int expert = 0) noexcept;
  std::string path(const std::string& pattern) const;
  /// Whether the checkpoint has this module.
  bool has(const std::string& pattern) const;

  /// The tensor `name`, which must have `size` elements, as floats.
  Result<std::vector<float>> vector(const std::string& name, std::int64_t size) const;
  Result<Norm> norm(const std::string& pattern, std::int64_t size) const;
  /// The norms of each head, in one tensor or one after the other ("{h}").
  Result<Norm> head_norms(const std::string& pattern, int heads) const;
  /// A matrix of `rows` outputs and `cols` inputs, and its bias where the model and the file have one.
  Result<Linear> linear(const std::string& pattern, std::int64_t rows, std::int64_t cols);
  /// The same for one expert of a stacked tensor [experts, rows, cols] (MLX).
  Result<Linear> expert(const std::string& pattern, std::int64_t rows, std::int64_t cols);
  /// The embedding, and the head that makes logits. Tied ones are one matrix under either name; where the
  /// file has both, each is its own, as in transformers, whatever config.json says.
  Result<Linear> embedding(std::int64_t rows, std::int64_t cols);
  Result<Linear> head(std::int64_t rows, std::int64_t cols);
  /// One expert of gpt_oss: in bfloat16 and its like from [experts, cols, file rows], copied the right way
  /// round; in MXFP4 from `_blocks` [experts, file rows, cols / 32, 16] and `_scales` [experts, file rows,
  /// cols / 32], viewed. Every `step`-th row of the file is one of the matrix, starting with `first`: gate
  /// and up take turns.
  Result<Linear> interleaved_expert(const std::string& pattern, int first, int step, std::int64_t rows,
                                    std::int64_t cols);
  /// A depthwise convolution, stored [channels, 1, taps] or (MLX) [channels, taps, 1].
  Result<Convolution> convolution() const;
  /// The parameters of an activation: those of the model, or those that the layer learned.
  Result<kernels::ActivationParameters> activation() const;

  /// The weights in the files that nothing has asked for so far, by shard; views of the checkpoint's names.
  std::vector<std::string_view> unread() const;
  /// Bytes of the weights that could not be views.
  std::uint64_t owned_bytes() const noexcept { return owned_bytes_; }

 private:
  const TensorView* find(std::string_view name) const;
  Result<const TensorView*> require(std::string_view name) const;
  bool may_have_bias(const std::string& pattern) const;
  // A tensor, or the part of a stacked one that belongs to the expert.
  Result<TensorView> part(const TensorView& tensor, bool stacked) const;
  Result<TensorView> require(const std::string& name, bool stacked) const;
  Result<Linear> bind(const std::string& pattern, bool stacked, std::int64_t rows, std::int64_t cols);
  Result<WeightMatrix> plain(const TensorView& tensor, std::int64_t rows, std::int64_t cols);
  Result<Linear> transposed(const TensorView& tensor, std::int64_t rows, std::int64_t cols);
  Result<WeightMatrix> fp8(const TensorView& weight, const TensorView& scales, std::int64_t rows,
                           std::int64_t cols);
  Result<WeightMatrix> mlx(const std::string& name, bool stacked, const TensorView& weight, std::int64_t rows,
                           std::int64_t cols);
  Result<WeightMatrix> stacked_mxfp4(const std::string& name, int first, int step, std::int64_t file_rows,
                                     std::int64_t cols);
  Result<Linear> stacked_transposed(const std::string& name, int first, int step, std::int64_t file_rows,
                                    std::int64_t cols);

  const DecoderSpec& spec_;
  Checkpoint& checkpoint_;
  int layer_ = 0;
  int expert_ = 0;
  std::string left_out_;  // a first part of every name that the files do not have
  std::uint64_t owned_bytes_ = 0;
  mutable std::unordered_set<std::string_view> read_;  // names of the checkpoint's
};

}  // namespace minerva::native
