#include "formats/hf/shard_index.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/file.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::hf {
namespace {

namespace dom = simdjson::dom;

/// A name without folders: an index comes from strangers and must not lead out of its directory.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<ShardIndex> read_shard_index(const std::filesystem::path& path, std::string_view extension) {
  const std::string file = path.filename().string();
  const auto bad = [&](std::string_view message) {
    return model_loading(fmt::format("{}: {}", quoted(file), message), kDownloadAgain);
  };
  MINERVA_ASSIGN(const std::string text,
                 read_file(path, limits::kShardIndexBytesMax, simdjson::SIMDJSON_PADDING));
  dom::parser parser;
  dom::object root;
  dom::object map;
  if (parser.allocate(text.size(), limits::kJsonDepthMax))
    return bad("there is not enough memory to parse it");
  if (const auto error = parser.parse(text).get_object().get(root)) {
    return bad(fmt::format("not a valid JSON object: {}", simdjson::error_message(error)));
  }
  if (root.at_key("weight_map").get_object().get(map))
    return bad("field 'weight_map' is missing or not an object");

  std::map<std::string_view, std::size_t> files;  // sorted
  std::unordered_set<std::string_view> names;
  for (const auto& [name, value] : map) {
    std::string_view target;
    if (value.get_string().get(target))
      return bad(fmt::format("weight_map[{}] is not a string", quoted(name)));
    if (!is_plain_name(target) || !target.ends_with(extension)) {
      return bad(fmt::format("weight_map[{}] is {}, expected the name of a {} file beside it", quoted(name),
                             quoted(target), extension));
    }
    if (!names.insert(name).second) return bad(fmt::format("weight_map names tensor {} twice", quoted(name)));
    files.emplace(target, 0);
  }
  if (files.empty()) return bad("field 'weight_map' is empty");
  if (files.size() > limits::kShardCountMax) {
    return bad(
        fmt::format("it names {} files; at most {} are allowed", files.size(), limits::kShardCountMax));
  }
  ShardIndex index;
  for (auto& [name, position] : files) {
    position = index.files.size();
    index.files.emplace_back(name);
  }
  index.tensors.reserve(names.size());
  for (const auto& [name, value] : map)
    index.tensors.emplace_back(name, files.at(value.get_string().value_unsafe()));
  return index;
}

}  // namespace minerva::hf
