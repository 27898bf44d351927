// model.safetensors.index.json and pytorch_model.bin.index.json: which file holds which tensor.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace minerva::hf {

struct ShardIndex {
  std::vector<std::string> files;                            ///< sorted: plain names in the same directory
  std::vector<std::pair<std::string, std::size_t>> tensors;  ///< name, position in `files`; names are unique
};

/// Reads and checks an index; file names must end in `extension`. Errors: ModelLoading, naming the entry.
Result<ShardIndex> read_shard_index(const std::filesystem::path& path, std::string_view extension);

}  // namespace minerva::hf
