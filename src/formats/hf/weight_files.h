// The weight files of a Hugging Face directory: one file, or the shards that an index names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "formats/safetensors/header.h"

namespace minerva::hf {

enum class WeightFormat : std::uint8_t { Safetensors, TorchBin };

struct WeightFiles {
  std::vector<std::filesystem::path> paths;  ///< in shard order; all of them exist
  std::size_t index_tensor_count = 0;        ///< how many tensors the index names; 0 without one
  bool has_index() const noexcept { return index_tensor_count > 0; }
};

/// Finds the weights as transformers does: a single file, else the files of the index; and, as MLX does, a
/// complete set of shards without an index. Errors: ModelLoading naming the file that is missing, or the
/// field of the index that is wrong. Nothing outside `directory` is ever named.
Result<WeightFiles> find_weight_files(const std::filesystem::path& directory, WeightFormat format);

/// The headers of safetensors `files`, in their order. What an index says about single tensors is not looked
/// at: as in transformers it names the files, and a tensor in two of them is the later one's. Without an
/// index, a tensor in two files is an error. Errors: ModelLoading.
Result<std::vector<safetensors::Header>> read_headers(const WeightFiles& files);

}  // namespace minerva::hf
