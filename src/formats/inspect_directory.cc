#include "formats/inspect_directory.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/gguf/split.h"

namespace minerva {
namespace {

bool has_any(const DirectoryListing& listing, std::string_view suffix) {
  return std::ranges::any_of(listing.names(), [&](const std::string& name) {
    return name.size() > suffix.size() && name.ends_with(suffix) && !name.starts_with("adapter_model");
  });
}

/// Under the names that transformers and MLX look for. `contains` also finds what a huge directory's listing
/// left out.
bool has_weights(const DirectoryListing& listing, std::string_view stem, std::string_view extension) {
  const std::string single = std::string(stem) + std::string(extension);
  const std::string index = single + ".index.json";
  return listing.contains(single) || listing.contains(index) ||
         std::ranges::any_of(listing.names(), [&](const std::string& name) {
           return name.starts_with(stem) && name.ends_with(extension);
         });
}
bool has_safetensors(const DirectoryListing& listing) {
  return has_weights(listing, "model", ".safetensors");
}
bool has_torch_bin(const DirectoryListing& listing) {
  return has_weights(listing, "pytorch_model", ".bin");
}

/// Whether config.json says that MLX quantised the weights: "quantization", or "quantization_config" without
/// a quant_method. A config that can't be read says nothing; `describe` will tell.
bool is_mlx(const std::filesystem::path& directory) {
  const auto text = read_file(directory / "config.json", limits::kConfigBytesMax, simdjson::SIMDJSON_PADDING);
  if (!text || text->find("\"quantization") == std::string::npos) return false;
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object settings;
  if (parser.iterate(*text).get(document)) return false;
  if (!document.find_field_unordered("quantization").get_object().get(settings)) return true;
  if (parser.iterate(*text).get(document)) return false;
  if (document.find_field_unordered("quantization_config").get_object().get(settings)) return false;
  std::int64_t bits = 0;
  if (settings.find_field_unordered("bits").get(bits)) return false;
  std::string_view method;
  return settings.find_field_unordered("quant_method").get(method) != simdjson::SUCCESS;
}

/// Kinds of directories that one name tells, where there are no weights that can be run. In order.
constexpr std::array kTellingNames = {
    std::pair{"adapter_config.json", Kind::PeftAdapter},
    std::pair{"saved_model.pb", Kind::TensorFlowSavedModel},
    std::pair{"coremldata.bin", Kind::CoreMl},
    std::pair{"model.mil", Kind::CoreMl},
    std::pair{"model_index.json", Kind::Diffusion},
    std::pair{"tf_model.h5", Kind::HfTensorFlow},
    std::pair{"flax_model.msgpack", Kind::HfFlax},
    std::pair{"genai_config.json", Kind::Onnx},
    std::pair{"openvino_model.xml", Kind::OpenVino},
};
constexpr std::array kTellingExtensions = {
    std::pair{".onnx", Kind::Onnx},         std::pair{".keras", Kind::KerasZip},
    std::pair{".h5", Kind::KerasHdf5},      std::pair{".tflite", Kind::TfLite},
    std::pair{".mlmodel", Kind::CoreMl},    std::pair{".pth", Kind::TorchDirectory},
    std::pair{".pt", Kind::TorchDirectory}, std::pair{".mlpackage", Kind::CoreMl},
};

/// The kind of a directory as a whole.
std::optional<Kind> kind_by_name(const DirectoryListing& listing) {
  for (const auto& [name, kind] : kTellingNames) {
    if (listing.contains(name)) return kind;
  }
  if (listing.contains("Manifest.json") && listing.contains("Data")) return Kind::CoreMl;
  if (listing.contains("snapshots") && (listing.contains("blobs") || listing.contains("refs"))) {
    return Kind::HubCacheEntry;
  }
  return std::nullopt;
}

/// The kind of something in the directory.
std::optional<Kind> kind_by_content(const DirectoryListing& listing) {
  for (const auto& [extension, kind] : kTellingExtensions) {
    if (has_any(listing, extension)) return kind;
  }
  std::error_code ignored;  // where Optimum exports to, beside config.json
  if (listing.contains("onnx") && std::filesystem::is_directory(listing.path() / "onnx", ignored))
    return Kind::Onnx;
  return std::nullopt;
}

}  // namespace

std::vector<std::string> gguf_models(const std::vector<std::string>& files) {
  std::set<std::pair<std::string, std::uint32_t>> splits;
  std::vector<std::string> models;
  std::vector<std::string> parts;  // of models: image encoders, importance matrices
  for (const std::string& file : files) {
    if (file.find("mmproj") != std::string::npos || file.find("imatrix") != std::string::npos) {
      parts.push_back(file);
      continue;
    }
    const auto split = gguf::parse_split_name(file);
    // Sorted names: the first of a split that is there comes first.
    if (!split || splits.emplace(split->prefix, split->count).second) models.push_back(file);
  }
  return models.empty() ? parts : models;
}

Result<void> inspect_directory(Inspection& out) {
  MINERVA_ASSIGN(const DirectoryListing listing, DirectoryListing::read(out.path));
  const bool config = listing.contains("config.json");
  if (listing.names().empty()) {
    out.kind = Kind::EmptyDirectory;
    return {};
  }
  if (config && has_safetensors(listing)) {
    out.kind = is_mlx(out.path) ? Kind::HfMlx : Kind::HfSafetensors;
    return {};
  }
  if (config && has_torch_bin(listing)) {
    out.kind = Kind::HfTorchBin;
    return {};
  }
  const auto models = gguf_models(listing.ending_in(".gguf"));
  if (!models.empty()) {
    out.kind = Kind::Gguf;
    for (const std::string& model : models) out.gguf_files.push_back(out.path / model);
    return {};
  }
  if (const auto kind = kind_by_name(listing)) {
    out.kind = *kind;
  } else if (const auto content = kind_by_content(listing)) {
    out.kind = *content;
    out.holds = true;
  } else if (config || has_any(listing, ".safetensors")) {
    out.kind = Kind::HfSafetensors;  // incomplete: `describe` says what is missing
  } else if (has_torch_bin(listing)) {
    out.kind = Kind::HfTorchBin;
  } else {
    out.kind = Kind::UnknownDirectory;
  }
  return {};
}

}  // namespace minerva
