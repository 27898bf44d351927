#include "formats/gguf/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/quote.h"

namespace minerva::gguf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".gguf";
constexpr std::size_t kDigits = 5;

std::optional<std::uint32_t> five_digits(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What one file says about the split it belongs to; count 1 for a file that is not split.
struct SplitKeys {
  std::uint64_t index = 0;
  std::uint64_t count = 1;
  std::optional<std::uint64_t> tensors;  ///< of all shards together
};

Result<SplitKeys> split_keys(const File& file) {
  const Metadata& metadata = file.metadata();
  SplitKeys keys;
  MINERVA_ASSIGN(const auto count, metadata.get_unsigned("split.count"));
  MINERVA_ASSIGN(const auto index, metadata.get_unsigned("split.no"));
  MINERVA_ASSIGN(keys.tensors, metadata.get_unsigned("split.tensors.count"));
  // Files that were never split carry no keys, merged ones a count of 0 or 1.
  keys.count = count.value_or(1) == 0 ? 1 : count.value_or(1);
  if (keys.count > limits::kGgufShardCountMax) {
    return model_loading(fmt::format("'{}': key 'split.count' is {}; at most {} are allowed", file.name(),
                                     keys.count, limits::kGgufShardCountMax),
                         kDownloadAgain);
  }
  if (keys.count > 1 && !index) return metadata.missing("split.no", "an integer");
  keys.index = index.value_or(0);
  if (keys.index >= keys.count) {
    return model_loading(
        fmt::format("'{}': key 'split.no' is {}, expected less than split.count, which is {}", file.name(),
                    keys.index, keys.count),
        kDownloadAgain);
  }
  return keys;
}

std::unexpected<Error> missing_shards(const fs::path& folder, const SplitName& name) {
  std::string files;
  std::uint32_t missing = 0;
  for (std::uint32_t i = 0; i < name.count; ++i) {
    const std::string file = split_file_name(name.prefix, i, name.count);
    if (path_exists(folder / file)) continue;
    if (++missing <= 4) files += fmt::format("{}'{}'", files.empty() ? "" : ", ", file);
  }
  if (missing > 4) files += fmt::format(" and {} more", missing - 4);
  return model_loading(
      fmt::format("the model is split in {} files; {} {} missing: {}", name.count, missing,
                  missing == 1 ? "is" : "are", files),
      "Download the missing part into the same folder as the others, under its original name.");
}

Result<File> open_shard(const fs::path& path, std::uint32_t index, std::uint32_t count) {
  MINERVA_ASSIGN(File file, File::open(path));
  MINERVA_ASSIGN(const SplitKeys keys, split_keys(file));
  if (keys.count != count || keys.index != index) {
    return model_loading(
        fmt::format("'{}' says it is part {} of {}, expected part {} of {}", file.name(), keys.index + 1,
                    keys.count, index + 1, count),
        "The parts come from different models or were renamed: download them again together.");
  }
  return file;
}

Result<void> check_tensors(const Model& model) {
  std::unordered_set<std::string_view> names;
  std::uint64_t found = 0;
  for (const File& file : model.files) {
    found += file.tensors().size();
    for (const TensorInfo& tensor : file.tensors()) {
      if (names.insert(tensor.name).second) continue;
      return model_loading(fmt::format("'{}': tensor {} stands in another part of the split too", file.name(),
                                       quoted(tensor.name)),
                           "The parts come from different models: download them again together.");
    }
  }
  MINERVA_ASSIGN(const SplitKeys keys, split_keys(model.first()));
  if (keys.tensors.value_or(found) == found) return {};
  return model_loading(
      fmt::format("'{}': key 'split.tensors.count' is {}, but the {} parts hold {} tensors",
                  model.first().name(), *keys.tensors, model.files.size(), found),
      "The parts come from different models or one is damaged: download them again together.");
}

}  // namespace

std::optional<SplitName> parse_split_name(std::string_view file_name) {
  // PREFIX-00001-of-00003.gguf
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits + kExtension.size();
  if (file_name.size() <= kTail || !file_name.ends_with(kExtension)) return std::nullopt;
  const std::string_view tail = file_name.substr(file_name.size() - kTail);
  if (tail[0] != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto number = five_digits(tail.substr(1, kDigits));
  const auto count = five_digits(tail.substr(1 + kDigits + kOf.size(), kDigits));
  if (!number || !count || *number == 0 || *number > *count) return std::nullopt;
  return SplitName{std::string(file_name.substr(0, file_name.size() - kTail)), *number - 1, *count};
}

std::string split_file_name(std::string_view prefix, std::uint32_t index, std::uint32_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, index + 1, count);
}

Result<Model> open_model(const fs::path& path) {
  Model model;
  MINERVA_ASSIGN(File opened, File::open(path));
  MINERVA_ASSIGN(const SplitKeys keys, split_keys(opened));
  if (keys.count == 1) {
    model.paths.push_back(path);
    model.files.push_back(std::move(opened));
    return model;
  }
  const auto name = parse_split_name(path.filename().string());
  if (!name || name->count != keys.count || name->index != keys.index) {
    return model_loading(
        fmt::format("'{}' is part {} of {} of a split model, but its name does not end in '{}'",
                    opened.name(), keys.index + 1, keys.count,
                    split_file_name("", static_cast<std::uint32_t>(keys.index),
                                    static_cast<std::uint32_t>(keys.count))),
        "Give all parts their original names again, in one folder.");
  }
  for (std::uint32_t i = 0; i < name->count; ++i) {
    const fs::path shard = path.parent_path() / split_file_name(name->prefix, i, name->count);
    if (!path_exists(shard)) return missing_shards(path.parent_path(), *name);
    MINERVA_ASSIGN(File file, open_shard(shard, i, name->count));
    model.paths.push_back(shard);
    model.files.push_back(std::move(file));
  }
  MINERVA_TRY(check_tensors(model));
  return model;
}

Result<void> check_has_weights(const Model& model) {
  if (std::ranges::any_of(model.files, [](const File& file) { return !file.tensors().empty(); })) return {};
  return invalid_request(
      fmt::format("{} holds a vocabulary and no weights", quoted(model.paths.front().filename().string())),
      "It tokenizes texts (minerva tokenize), but does not run: give the GGUF file of the model itself.");
}

}  // namespace minerva::gguf
