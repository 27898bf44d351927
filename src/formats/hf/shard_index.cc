#include "formats/hf/shard_index.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/stand_in.h"

namespace minerva::hf {
namespace {

namespace dom = simdjson::dom;

/// `target` without "./"; nothing where it is no path inside of the directory: an index comes from strangers.
std::optional<std::string> inner_path(std::string_view target) {
  constexpr std::size_t kPathBytesMax = 255;
  if (target.empty() || target.size() > kPathBytesMax ||
      target.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos) {
    return std::nullopt;
  }
  const std::filesystem::path path(target);
  if (path.is_absolute() || std::ranges::find(path, "..") != path.end()) return std::nullopt;
  return path.lexically_normal().string();
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
  dom::element document;
  if (const auto error = parser.parse(text).get(document)) {
    return not_json(text, file, simdjson::error_message(error));
  }
  if (document.get_object().get(root)) return bad("expected a JSON object");
  if (root.at_key("weight_map").get_object().get(map))
    return bad("field 'weight_map' is missing or not an object");

  std::set<std::string> files;
  for (const auto& [name, value] : map) {
    std::string_view target;
    if (value.get_string().get(target))
      return bad(fmt::format("weight_map[{}] is not a string", quoted(name)));
    auto inner = inner_path(target);
    if (!inner || !target.ends_with(extension)) {
      return bad(fmt::format("weight_map[{}] is {}, expected the name of a {} file in this directory",
                             quoted(name), quoted(target), extension));
    }
    files.insert(*std::move(inner));
  }
  if (files.empty()) return bad("field 'weight_map' is empty");
  if (files.size() > limits::kShardCountMax) {
    return bad(
        fmt::format("it names {} files; at most {} are allowed", files.size(), limits::kShardCountMax));
  }
  return ShardIndex{.files = {files.begin(), files.end()}, .tensor_count = map.size()};
}

}  // namespace minerva::hf
