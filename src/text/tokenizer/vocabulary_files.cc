#include "text/tokenizer/vocabulary_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/limits.h"
#include "formats/quote.h"
#include "formats/stand_in.h"

namespace minerva::tokenizers {

namespace {

namespace fs = std::filesystem;

constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kMerges = "merges.txt";

constexpr std::string_view kNoNormalizer = "null";
constexpr std::string_view kNfc = R"({"type":"NFC"})";

/// How transformers' classes cut a text; {} is add_prefix_space.
constexpr std::string_view kGpt2Words = R"({{"type":"ByteLevel","add_prefix_space":{},"use_regex":true}})";
constexpr std::string_view kQwen2Words =
    R"({{"type":"Sequence","pretokenizers":[{{"type":"Split","behavior":"Isolated","invert":false,"pattern":{{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{{L}}\\p{{N}}]?\\p{{L}}+|\\p{{N}}| ?[^\\s\\p{{L}}\\p{{N}}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}}},{{"type":"ByteLevel","add_prefix_space":{},"use_regex":false}}]}})";
constexpr std::string_view kQwen35Words =
    R"({{"type":"Sequence","pretokenizers":[{{"type":"Split","behavior":"Isolated","invert":false,"pattern":{{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{{L}}\\p{{N}}]?[\\p{{L}}\\p{{M}}]+|\\p{{N}}| ?[^\\s\\p{{L}}\\p{{M}}\\p{{N}}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}}},{{"type":"ByteLevel","add_prefix_space":{},"use_regex":false}}]}})";

struct Class {
  std::string_view name;  ///< of transformers, without "Fast"
  std::string_view normalizer;
  std::string_view words;
  bool has_bos;              ///< <|endoftext|>
  std::string_view padding;  ///< a token; empty: none
};
constexpr std::string_view kEndOfText = "<|endoftext|>";
constexpr std::array kClasses = {
    Class{"GPT2Tokenizer", kNoNormalizer, kGpt2Words, true, ""},
    Class{"CodeGenTokenizer", kNoNormalizer, kGpt2Words, true, ""},
    Class{"GPTNeoXTokenizer", kNfc, kGpt2Words, true, "<|padding|>"},
    Class{"Qwen2Tokenizer", kNfc, kQwen2Words, false, kEndOfText},
    Class{"Qwen3_5Tokenizer", kNfc, kQwen35Words, false, kEndOfText},
};

/// The class of a family whose files name none.
struct Family {
  std::string_view model_type;
  std::string_view name;
};
constexpr std::array kFamilies = {
    Family{"gpt2", "GPT2Tokenizer"},        Family{"opt", "GPT2Tokenizer"},
    Family{"gpt_neo", "GPT2Tokenizer"},     Family{"gptj", "GPT2Tokenizer"},
    Family{"codegen", "GPT2Tokenizer"},     Family{"phi", "GPT2Tokenizer"},
    Family{"starcoder2", "GPT2Tokenizer"},  Family{"gpt_bigcode", "GPT2Tokenizer"},
    Family{"dbrx", "GPT2Tokenizer"},        Family{"gpt_neox", "GPTNeoXTokenizer"},
    Family{"olmo", "GPTNeoXTokenizer"},     Family{"olmoe", "GPTNeoXTokenizer"},
    Family{"mpt", "GPTNeoXTokenizer"},      Family{"mamba", "GPTNeoXTokenizer"},
    Family{"qwen2", "Qwen2Tokenizer"},      Family{"qwen2_moe", "Qwen2Tokenizer"},
    Family{"qwen3", "Qwen2Tokenizer"},      Family{"qwen3_moe", "Qwen2Tokenizer"},
    Family{"qwen3_next", "Qwen2Tokenizer"}, Family{"qwen3_5_text", "Qwen3_5Tokenizer"},
};

Result<std::optional<JsonDocument>> load_if_there(const fs::path& file, std::uint64_t bytes_max) {
  if (!path_exists(file)) return std::optional<JsonDocument>();
  MINERVA_ASSIGN(JsonDocument document, JsonDocument::load(file, bytes_max));
  return std::optional(std::move(document));
}

/// `name` of a file that need not be there; empty for anything else than a string.
std::string text_field(const std::optional<JsonDocument>& document, std::string_view name) {
  constexpr std::size_t kNameBytesMax = 128;
  if (!document) return "";
  return document->root().string_or(name, "", kNameBytesMax).value_or("");
}

Result<const Class*> find_class(const fs::path& directory, const std::optional<JsonDocument>& settings) {
  std::string name = text_field(settings, "tokenizer_class");
  std::string from = fmt::format("tokenizer_config.json names the class {}", quoted(name));
  if (name.empty()) {
    MINERVA_ASSIGN(const auto config, load_if_there(directory / "config.json", limits::kConfigBytesMax));
    const std::string model_type = text_field(config, "model_type");
    const auto family = std::ranges::find(kFamilies, model_type, &Family::model_type);
    if (family != kFamilies.end()) name = family->name;
    from = fmt::format("no file names its class, and config.json the family {}", quoted(model_type));
  }
  constexpr std::string_view kFast = "Fast";
  if (name.ends_with(kFast)) name.resize(name.size() - kFast.size());
  const auto found = std::ranges::find(kClasses, name, &Class::name);
  if (found != kClasses.end()) return &*found;
  return model_loading(fmt::format("how {} and {} cut a text is not known: {}", kVocabulary, kMerges, from),
                       "Download tokenizer.json too, or make it with transformers: "
                       "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).");
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

AddedToken special(std::string_view content) {
  return {.content = std::string(content), .normalized = false, .special = true};
}

}  // namespace

Result<std::string> merges_as_json(std::string_view text) {
  const auto bad = [](std::size_t line, std::string_view what) {
    return model_loading(fmt::format("{}: line {} {}", kMerges, line, what), kDownloadAgain);
  };
  if (!is_utf8(text)) return model_loading(fmt::format("{} is not valid UTF-8", kMerges), kDownloadAgain);
  std::string list = "[";
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos) {
      return bad(number, fmt::format("is {}, expected two tokens with a space between", quoted(line)));
    }
    if (list.size() > 1) list += ',';
    append_json_string(list, line);
  }
  return list + "]";
}

bool has_vocabulary_files(const fs::path& directory) {
  return !path_exists(directory / "tokenizer.json") && path_exists(directory / kVocabulary) &&
         path_exists(directory / kMerges);
}

Result<VocabularyFiles> read_vocabulary_files(const fs::path& directory) {
  MINERVA_ASSIGN(const auto settings,
                 load_if_there(directory / "tokenizer_config.json", limits::kTokenizerConfigBytesMax));
  MINERVA_ASSIGN(const Class* found, find_class(directory, settings));
  bool prefix_space = false;
  if (settings) {
    MINERVA_ASSIGN(prefix_space, settings->root().boolean_or("add_prefix_space", false));
  }
  const fs::path file = directory / kVocabulary;
  MINERVA_TRY(
      JsonDocument::load(file, limits::kTokenizerFileBytesMax));  // a whole object, safe to put into another
  MINERVA_ASSIGN(const std::string vocabulary, read_model_file(file, limits::kTokenizerFileBytesMax));
  MINERVA_ASSIGN(const std::string merges_txt,
                 read_model_file(directory / kMerges, limits::kTokenizerFileBytesMax));
  MINERVA_ASSIGN(const std::string merges, merges_as_json(merges_txt));
  std::string json = fmt::format(
      R"({{"normalizer":{},"pre_tokenizer":{},"decoder":{{"type":"ByteLevel"}},"model":{{"type":"BPE","merges":{},"vocab":)",
      found->normalizer, fmt::format(fmt::runtime(found->words), prefix_space), merges);
  json.reserve(json.size() + vocabulary.size() + 2 + simdjson::SIMDJSON_PADDING);
  json += vocabulary;
  json += "}}";
  MINERVA_ASSIGN(JsonDocument document,
                 JsonDocument::parse(std::move(json), fmt::format("{} and {}", kVocabulary, kMerges)));
  VocabularyFiles files{.document = std::move(document)};
  for (const char* key : {"unk_token", "eos_token"}) files.special_tokens[key] = special(kEndOfText);
  if (found->has_bos) files.special_tokens["bos_token"] = special(kEndOfText);
  if (!found->padding.empty()) files.special_tokens["pad_token"] = special(found->padding);
  return files;
}

}  // namespace minerva::tokenizers
