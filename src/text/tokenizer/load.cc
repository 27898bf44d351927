#include "text/tokenizer/load.h"

#include <fmt/format.h>

#include <filesystem>

#include "text/tokenizer/llama_vocabulary.h"
#include "text/tokenizer/sentencepiece_model.h"
#include "text/tokenizer/tokenizer_json.h"
#include "text/tokenizer/vocabulary_files.h"

namespace minerva {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSaveWithTransformers =
    "Download tokenizer.json too, or make it with transformers: "
    "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).";

Result<std::shared_ptr<const Tokenizer>> load_from_directory(const fs::path& directory) {
  std::error_code ignored;
  if (fs::exists(directory / "tokenizer.json", ignored)) return load_tokenizer_json(directory);
  for (const char* name :
       {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "sentencepiece.model"}) {
    if (fs::exists(directory / name, ignored)) return load_sentencepiece(directory / name);
  }
  if (tokenizers::has_vocabulary_files(directory)) return load_vocabulary_files(directory);
  for (const char* name : {"tekken.json", "vocab.json", "vocab.txt"}) {
    if (!fs::exists(directory / name, ignored)) continue;
    return model_loading(
        fmt::format("the directory has {}, but no tokenizer.json, no tokenizer.model and no {}", name,
                    std::string_view(name) == "vocab.json" ? "merges.txt" : "vocab.json with merges.txt"),
        kSaveWithTransformers);
  }
  return model_loading("the directory has no tokenizer.json and no tokenizer.model", kSaveWithTransformers);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const ModelDescription& description) {
  if (description.format == Format::Gguf) return load_gguf_tokenizer(description);
  std::error_code ignored;
  const bool is_directory = fs::is_directory(description.path, ignored);
  return load_from_directory(is_directory ? description.path : description.path.parent_path());
}

}  // namespace minerva
