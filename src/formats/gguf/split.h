// Models split over several GGUF files, named NAME-00001-of-0000N.gguf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf/file.h"

namespace minerva::gguf {

/// The parts of a split file's name.
struct SplitName {
  std::string prefix;       ///< before "-00001-of-00003.gguf"
  std::uint32_t index = 0;  ///< from 0
  std::uint32_t count = 0;
};

/// Nothing when `file_name` is not named like a split.
std::optional<SplitName> parse_split_name(std::string_view file_name);
/// "PREFIX-00002-of-00003.gguf" for index 1 of 3.
std::string split_file_name(std::string_view prefix, std::uint32_t index, std::uint32_t count);

/// All files of one model, opened and checked. The first holds the metadata.
struct Model {
  std::vector<std::filesystem::path> paths;  ///< in shard order
  std::vector<File> files;                   ///< as `paths`
  const File& first() const noexcept { return files.front(); }
  const Metadata& metadata() const noexcept { return files.front().metadata(); }
};

/// Refuses a model without tensors: what llama.cpp's tests and converters keep of a tokenizer. It tokenizes
/// and does not run. Errors: InvalidRequest.
Result<void> check_has_weights(const Model& model);

/// Opens the model that `path` belongs to: the file itself, or, for any shard of a split, all shards. Errors:
/// ModelLoading, naming the shard that is missing, damaged or inconsistent.
Result<Model> open_model(const std::filesystem::path& path);

}  // namespace minerva::gguf
