// All tensors of a model by name, wherever and however they are stored: one interface over safetensors (MLX's
// included), PyTorch's .bin and GGUF, single files and shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/mapping.h"
#include "minerva/model_description.h"
#include "tensor/tensor_view.h"

namespace minerva {

/// The mapped weight files of one model and what lies in them. All views and copies stay valid as long as the
/// Checkpoint lives. Immutable but for the copies it keeps; thread-safe.
class Checkpoint {
 public:
  /// Maps the files of `description`; reads headers, not weights. Names and shapes are those of the files; a
  /// GGUF's shapes are turned round, so that a matrix is [rows, columns]. Errors: ModelLoading when a file or
  /// shard is missing, damaged or was changed since it was described, when a tensor lies in two shards
  /// without an index (with one the later counts, as in transformers), and for a quantisation that is not
  /// read (see check_quantisation: looked at before any file is opened); InvalidRequest for other formats.
  static Result<std::shared_ptr<Checkpoint>> open(const ModelDescription& description);

  ~Checkpoint() = default;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  /// By shard, in the order of each file.
  std::span<const TensorView> tensors() const noexcept { return tensors_; }
  /// Null when there is none.
  const TensorView* find(std::string_view name) const noexcept;
  /// The same; absence is a ModelLoading.
  Result<const TensorView*> require(std::string_view name) const;

  /// `tensor` (one of this checkpoint's) with its rows one after the other: itself, or a copy that is made
  /// once and kept. Errors: OutOfMemory.
  Result<TensorView> contiguous(const TensorView& tensor);
  /// `tensor` (one of this checkpoint's) in a type that is computed with: a float32 copy, made once and kept,
  /// of one in F64 (its numbers are rounded); itself where it is of another. Errors: OutOfMemory.
  Result<TensorView> single_precision(const TensorView& tensor);
  /// Its elements in row-major order as float32, whatever plain type they have; 64-bit numbers are rounded.
  /// Errors: ModelLoading for packed types, OutOfMemory.
  Result<std::vector<float>> floats(const TensorView& tensor) const;

  /// An entry of `__metadata__` in a safetensors file ("format" is "pt" or "mlx"); of several, the first's.
  std::optional<std::string> metadata(std::string_view key) const;
  /// Bytes of tensor data; what tensors share counts each time.
  std::uint64_t tensor_bytes() const noexcept;
  /// Why the weights can no longer be trusted: a file was changed, truncated or cannot be read any more.
  std::optional<Error> problem() const;

 private:
  friend class CheckpointReader;
  Checkpoint() = default;
  /// In place of one of this name, if there is one.
  void add(TensorView tensor);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
  std::unordered_map<std::string, Error> unreadable_;  // by tensor name: what its absence means
  std::unordered_map<std::string, std::string> metadata_;
  std::mutex copies_mutex_;
  /// The copy of `tensor` of `bytes` bytes, which `fill` writes when there is none yet.
  template <class Fill>
  Result<const std::byte*> copy_of(const TensorView& tensor, std::uint64_t bytes, Fill fill);
  std::unordered_map<std::string, std::unique_ptr<std::byte[]>> copies_;  // by tensor name
};

}  // namespace minerva
