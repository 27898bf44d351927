#include "formats/shard_index.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/hf_config/python_json.h"
#include "formats/quote.h"

namespace minerva {
namespace {

constexpr const char* kRemedy = "The index may be damaged: download it again.";

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

}  // namespace

Result<ShardIndex> parse_shard_index(std::string_view text, std::string name) {
  const auto bad = [&](std::string_view what) {
    return model_loading(fmt::format("'{}': {}", name, what), kRemedy);
  };
  MINERVA_ASSIGN(const nlohmann::json json, parse_python_json(text, name, limits::kJsonDepthMax));
  const auto entry = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || entry == json.end() || !entry->is_object() || entry->empty()) {
    return bad("it has no 'weight_map' that says which file holds which tensor");
  }
  ShardIndex index;
  std::set<std::string> files;
  for (const auto& [tensor, file] : entry->items()) {
    if (!file.is_string())
      return bad(fmt::format("the file of tensor {} is not a string", minerva::quoted(tensor)));
    const auto& file_name = file.get_ref<const std::string&>();
    if (!is_plain_file_name(file_name)) {
      return bad(fmt::format("tensor {} lies in {}, which is not the name of a file beside it",
                             minerva::quoted(tensor), minerva::quoted(file_name)));
    }
    files.insert(file_name);
    index.tensors.emplace(tensor, file_name);
  }
  if (files.size() > limits::kShardCountMax) {
    return bad(fmt::format("it names {} files; at most {} are read", files.size(), limits::kShardCountMax));
  }
  index.name = std::move(name);
  index.files.assign(files.begin(), files.end());
  return index;
}

Result<ShardIndex> read_shard_index(const std::filesystem::path& path) {
  MINERVA_ASSIGN(const std::string text, read_file(path, limits::kShardIndexBytesMax));
  return parse_shard_index(text, path.filename().string());
}

}  // namespace minerva
