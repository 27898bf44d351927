#include "formats/hf/weight_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/file.h"
#include "base/limits.h"
#include "formats/hf/shard_index.h"
#include "formats/inspect.h"
#include "formats/quote.h"
#include "formats/sniff.h"

namespace minerva::hf {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDownloadMissing =
    "Download the missing files into the directory: hf download ORG/NAME --local-dir DIR fetches what is not "
    "there.";

/// How the files of a format are named: STEM + extension, STEM-00001-of-00003 + extension, index.
struct Naming {
  std::string_view stem;
  std::string_view extension;
  std::string single() const { return fmt::format("{}{}", stem, extension); }
  std::string index() const { return fmt::format("{}{}.index.json", stem, extension); }
};
Naming naming(WeightFormat format) {
  return format == WeightFormat::Safetensors ? Naming{"model", ".safetensors"}
                                             : Naming{"pytorch_model", ".bin"};
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", quoted(names[i]));
  }
  if (names.size() > kShown) out += fmt::format(" and {} more", names.size() - kShown);
  return out;
}

std::unexpected<Error> missing(const std::vector<std::string>& names, std::string_view because) {
  return model_loading(
      fmt::format("{} {} missing: {}", joined(names), names.size() == 1 ? "is" : "are", because),
      kDownloadMissing);
}

Result<WeightFiles> from_index(const fs::path& directory, const Naming& names) {
  MINERVA_ASSIGN(ShardIndex index, read_shard_index(directory / names.index(), names.extension));
  WeightFiles files;
  std::vector<std::string> absent;
  for (const std::string& file : index.files) {
    files.paths.push_back(directory / file);
    if (!path_exists(files.paths.back())) absent.push_back(file);
  }
  if (!absent.empty())
    return missing(absent, fmt::format("'{}' names {} files", names.index(), index.files.size()));
  files.index_tensor_count = index.tensor_count;
  return files;
}

/// The parts of "STEM-00002-of-00003EXT": from 1.
struct ShardName {
  unsigned number = 0;
  unsigned count = 0;
};
std::optional<ShardName> parse_shard_name(std::string_view name, const Naming& names) {
  ShardName shard;
  constexpr std::size_t kTailBytes = 15;  // -00002-of-00003
  const std::size_t expected = names.stem.size() + kTailBytes + names.extension.size();
  if (name.size() != expected || !name.starts_with(names.stem) || !name.ends_with(names.extension))
    return std::nullopt;
  const std::string tail(name.substr(names.stem.size(), kTailBytes));
  for (const std::size_t digits : {1U, 10U}) {
    unsigned value = 0;
    for (const char c : tail.substr(digits, 5)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    (digits == 1 ? shard.number : shard.count) = value;
  }
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || shard.number == 0 || shard.number > shard.count) {
    return std::nullopt;
  }
  return shard;
}

/// Shards without an index: what MLX writes is complete without one.
Result<WeightFiles> from_names(const fs::path& directory, const Naming& names) {
  MINERVA_ASSIGN(const DirectoryListing listing, DirectoryListing::read(directory));
  const std::vector<std::string> found = listing.ending_in(names.extension);
  const auto first = std::ranges::find_if(
      found, [&](const auto& name) { return parse_shard_name(name, names).has_value(); });
  if (first == found.end()) {
    const std::string expected = fmt::format("expected '{}' or '{}'", names.single(), names.index());
    return model_loading(
        fmt::format("the directory {} has no weights: {}{}", quoted(display_name(directory)), expected,
                    found.empty() ? "" : fmt::format(", found {}", joined(found))),
        found.empty()
            ? kDownloadMissing
            : "If that is the whole model, give it the expected name; else download the missing files.");
  }
  WeightFiles files;
  std::vector<std::string> absent;
  const unsigned count = parse_shard_name(*first, names)->count;
  if (count > limits::kShardCountMax) {
    return model_loading(fmt::format("{} is one of {} files; at most {} are allowed", quoted(*first), count,
                                     limits::kShardCountMax),
                         kDownloadAgain);
  }
  for (unsigned i = 1; i <= count; ++i) {
    const std::string name = fmt::format("{}-{:05}-of-{:05}{}", names.stem, i, count, names.extension);
    files.paths.push_back(directory / name);
    if (!path_exists(files.paths.back())) absent.push_back(name);
  }
  if (!absent.empty()) return missing(absent, fmt::format("the weights are split in {} files", count));
  return files;
}

/// A weight file that turned out to be a text that stands for it, or says why it could not be downloaded.
std::unexpected<Error> explain(Error error, const fs::path& path) {
  const auto inspection = inspect(path);
  if (inspection && (format_of(inspection->kind) == Format::Text || inspection->kind == Kind::EmptyFile)) {
    auto better = not_runnable(inspection->kind, display_name(path));
    better.error().code = ErrorCode::ModelLoading;  // the directory is a model, but incomplete
    if (inspection->kind == Kind::Json) {
      better.error().remedy =
          "It may be a server's answer that says why the download failed: look at it, and download the file "
          "again.";
    }
    return better;
  }
  return std::unexpected(std::move(error));
}

/// Without an index, shards must at least not contradict each other.
Result<void> check_unique(const std::vector<safetensors::Header>& headers) {
  std::unordered_map<std::string_view, std::string_view> tensors;
  for (const auto& header : headers) {
    for (const auto& tensor : header.tensors()) {
      const auto [found, added] = tensors.emplace(tensor.name, header.file_name());
      if (added) continue;
      return model_loading(
          fmt::format("tensor {} stands in {} and in {}", quoted(tensor.name), quoted(found->second),
                      quoted(header.file_name())),
          "The files come from different versions of the model: download all of them again.");
    }
  }
  return {};
}

}  // namespace

Result<WeightFiles> find_weight_files(const fs::path& directory, WeightFormat format) {
  const Naming names = naming(format);
  if (path_exists(directory / names.single())) return WeightFiles{.paths = {directory / names.single()}};
  if (path_exists(directory / names.index())) return from_index(directory, names);
  return from_names(directory, names);
}

Result<std::vector<safetensors::Header>> read_headers(const WeightFiles& files) {
  std::vector<safetensors::Header> headers;
  headers.reserve(files.paths.size());
  for (const fs::path& path : files.paths) {
    auto header = safetensors::Header::open(path);
    if (!header) return explain(std::move(header).error(), path);
    headers.push_back(std::move(*header));
  }
  if (!files.has_index()) MINERVA_TRY(check_unique(headers));
  return headers;
}

}  // namespace minerva::hf
