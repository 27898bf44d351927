// model.safetensors.index.json and pytorch_model.bin.index.json: which files hold the tensors.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::hf {

struct ShardIndex {
  std::vector<std::string> files;  ///< sorted; paths inside of the directory, without "./"
  std::size_t tensor_count = 0;    ///< of the names
};

/// Reads and checks an index; file names must end in `extension`. Errors: ModelLoading, naming the entry.
Result<ShardIndex> read_shard_index(const std::filesystem::path& path, std::string_view extension);

}  // namespace minerva::hf
