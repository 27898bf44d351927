// The weight files of a Hugging Face directory: one file, or the shards that an index names.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/safetensors/header.h"

namespace minerva::hf {

enum class WeightFormat : std::uint8_t { Safetensors, TorchBin };

struct WeightFiles {
  std::vector<std::filesystem::path> paths;  ///< in shard order; all of them exist
  /// What the index says: tensor name -> position in `paths`. Empty without an index.
  std::vector<std::pair<std::string, std::size_t>> index;
};

/// Finds the weights as transformers does: a single file, else the files of the index; and, as MLX does, a
/// complete set of shards without an index. Errors: ModelLoading naming the file that is missing, or the
/// field of the index that is wrong. Nothing outside `directory` is ever named.
Result<WeightFiles> find_weight_files(const std::filesystem::path& directory, WeightFormat format);

/// The headers of safetensors `files`, in their order; checked against the index both ways. Errors:
/// ModelLoading.
Result<std::vector<safetensors::Header>> read_headers(const WeightFiles& files);

}  // namespace minerva::hf
