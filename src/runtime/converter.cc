#include "runtime/converter.h"

#include <utility>

#include "convert/convert.h"

namespace minerva {
namespace {

class FolderConverter final : public Converter {
 public:
  FolderConverter(std::filesystem::path folder, std::uint64_t bytes_max)
      : folder_(std::move(folder)), cache_(folder_, bytes_max) {}

  Result<void> can_convert(const ModelDescription& directory) const override {
    if (folder_.empty()) {
      return invalid_request("there is no folder to keep the converted model in",
                             "Set MINERVA_CACHE to a folder.");
    }
    return convert::can_convert(directory);
  }
  Result<std::uint64_t> gguf_bytes(const ModelDescription& directory) const override {
    return convert::gguf_bytes(directory, convert::WeightType::Stored);
  }
  Result<ModelDescription> get(const ModelDescription& directory, const LoadProgress& progress) override {
    MINERVA_ASSIGN(const auto path, cache_.get(directory, progress));
    return describe(path);
  }

 private:
  std::filesystem::path folder_;
  convert::ConversionCache cache_;
};

}  // namespace

std::filesystem::path conversion_folder(const EngineOptions& options, const Environment& environment) {
  constexpr const char* kFolder = "converted";
  if (!options.cache_folder.empty()) return options.cache_folder / kFolder;
  if (const auto given = environment("MINERVA_CACHE")) return std::filesystem::path(*given) / kFolder;
  if (const auto cache = environment("XDG_CACHE_HOME"))
    return std::filesystem::path(*cache) / "minerva" / kFolder;
  if (const auto home = environment("HOME")) return std::filesystem::path(*home) / ".cache/minerva" / kFolder;
  return {};
}

std::shared_ptr<Converter> make_converter(const EngineOptions& options, const Environment& environment) {
  return std::make_shared<FolderConverter>(conversion_folder(options, environment),
                                           options.conversion_cache_bytes);
}

ModelDescription converted_description(const ModelDescription& directory, ModelDescription gguf) {
  gguf.path = directory.path;
  gguf.name = directory.name;
  gguf.tokenizer = directory.tokenizer;
  gguf.tokenizer_detail = directory.tokenizer_detail;
  gguf.chat_templates = directory.chat_templates;
  gguf.eos_token_ids = directory.eos_token_ids;
  gguf.bos_token_id = directory.bos_token_id;
  gguf.sampling = directory.sampling;
  gguf.notes = directory.notes;
  return gguf;
}

}  // namespace minerva
