#include "text/tokenizer/tokenizer_json.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/model_json.h"
#include "text/tokenizer/parts_json.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/vocabulary_files.h"

namespace minerva {

namespace {

using tokenizers::AddedToken;
using tokenizers::JsonDocument;
using tokenizers::JsonField;
using tokenizers::Pipeline;

Result<void> add_tokens(const JsonField& root, Pipeline& pipeline) {
  const auto field = root.find("added_tokens");
  if (!field) return {};
  MINERVA_ASSIGN(const auto elements, field->elements(limits::kAddedTokenCountMax));
  for (const JsonField& element : elements) {
    MINERVA_ASSIGN(AddedToken token, tokenizers::read_added_token(element));
    MINERVA_ASSIGN(const JsonField id, element.field("id"));
    MINERVA_TRY(id.integer(0, tokenizers::kTokenIdMax));
    // The reference goes by the model's own ids and counts on; the id written here is only a hint to it.
    if (token.content.empty()) continue;
    const auto added = pipeline.add_token(std::move(token));
    if (!added) return element.wrapped(added.error());
  }
  return {};
}

bool is_byte_level(const JsonField& root, const JsonField& model) {
  const auto pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer || !tokenizers::ends_in_byte_level(*pre_tokenizer)) return false;
  const auto normalizer = root.find("normalizer");
  if (normalizer && tokenizers::has_byte_level(*normalizer)) return false;
  return tokenizers::may_be_byte_level(model);
}

Result<Pipeline> read_pipeline(const JsonField& root) {
  if (const auto version = root.find("version")) {
    MINERVA_ASSIGN(const auto name, version->string());
    if (name != "1.0") return version->error(fmt::format("expected version \"1.0\", found {}", quoted(name)));
  }
  Pipeline pipeline;
  MINERVA_ASSIGN(const JsonField model, root.field("model"));
  const bool byte_level = is_byte_level(root, model);
  MINERVA_ASSIGN(pipeline.model, tokenizers::read_model(model, byte_level));
  if (const auto field = root.find("normalizer")) {
    MINERVA_ASSIGN(pipeline.normalizer, tokenizers::read_normalizer(*field));
  }
  if (const auto field = root.find("pre_tokenizer")) {
    MINERVA_ASSIGN(pipeline.pre_tokenizer, tokenizers::read_pre_tokenizer(*field, byte_level));
  }
  if (const auto field = root.find("post_processor")) {
    MINERVA_ASSIGN(pipeline.post_processor, tokenizers::read_post_processor(*field));
  }
  if (const auto field = root.find("decoder")) {
    MINERVA_ASSIGN(pipeline.decoders, tokenizers::read_decoder(*field));
  } else {
    pipeline.decoders.push_back(tokenizers::make_joining_decoder());
  }
  MINERVA_TRY(add_tokens(root, pipeline));
  return pipeline;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> parse_tokenizer_json(std::string content) {
  MINERVA_ASSIGN(const JsonDocument document, JsonDocument::parse(std::move(content), "tokenizer.json"));
  MINERVA_ASSIGN(Pipeline pipeline, read_pipeline(document.root()));
  pipeline.added.finish();
  return std::make_shared<const tokenizers::HfTokenizer>(std::move(pipeline), tokenizers::SpecialIds{});
}

Result<std::shared_ptr<const Tokenizer>> load_vocabulary_files(const std::filesystem::path& directory) {
  MINERVA_ASSIGN(const tokenizers::VocabularyFiles files, tokenizers::read_vocabulary_files(directory));
  MINERVA_ASSIGN(Pipeline pipeline, read_pipeline(files.document.root()));
  MINERVA_ASSIGN(tokenizers::SpecialIds special,
                 tokenizers::apply_companions(directory, pipeline, files.special_tokens));
  MINERVA_TRY(tokenizers::put_around(directory, special.named_bos, special.eos, pipeline));
  pipeline.added.finish();
  return std::make_shared<const tokenizers::HfTokenizer>(std::move(pipeline), std::move(special));
}

Result<std::shared_ptr<const Tokenizer>> load_tokenizer_json(const std::filesystem::path& directory_or_file) {
  std::error_code ignored;
  const bool is_directory = std::filesystem::is_directory(directory_or_file, ignored);
  const auto file = is_directory ? directory_or_file / "tokenizer.json" : directory_or_file;
  MINERVA_ASSIGN(const JsonDocument document, JsonDocument::load(file, limits::kTokenizerFileBytesMax));
  MINERVA_ASSIGN(Pipeline pipeline, read_pipeline(document.root()));
  MINERVA_ASSIGN(tokenizers::SpecialIds special, tokenizers::apply_companions(file.parent_path(), pipeline));
  pipeline.added.finish();
  return std::make_shared<const tokenizers::HfTokenizer>(std::move(pipeline), std::move(special));
}

}  // namespace minerva
