// The index of a model whose weights are spread over several files: model.safetensors.index.json and its
// like.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva {

/// `weight_map` of an index, checked for itself; whether the files hold those tensors is not looked at.
struct ShardIndex {
  std::string name;                            ///< of the index file, for messages
  std::map<std::string, std::string> tensors;  ///< tensor name -> file name
  std::vector<std::string> files;              ///< every file once, sorted: shard order
};

/// Errors: ModelLoading when the index is damaged, empty, names more than limits::kShardCountMax files, or
/// one that is not plainly a file beside it (a path would lead elsewhere).
Result<ShardIndex> parse_shard_index(std::string_view text, std::string name);
/// The same for the file at `path`, of at most limits::kShardIndexBytesMax bytes.
Result<ShardIndex> read_shard_index(const std::filesystem::path& path);

}  // namespace minerva
