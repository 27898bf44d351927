// Ids of special tokens, what is put around a text, chat templates.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/limits.h"
#include "convert/vocabulary.h"
#include "formats/hf_config/hf_config.h"
#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/load.h"

namespace minerva::convert {
namespace {

using tokenizers::JsonDocument;
using tokenizers::JsonField;

struct Role {
  const char* name;  ///< in the files of Hugging Face: "bos_token", "bos_token_id"
  const char* key;   ///< in GGUF
};
constexpr std::array kRoles = {Role{"bos", "bos_token_id"},     Role{"eos", "eos_token_id"},
                               Role{"unk", "unknown_token_id"}, Role{"sep", "seperator_token_id"},
                               Role{"pad", "padding_token_id"}, Role{"cls", "cls_token_id"},
                               Role{"mask", "mask_token_id"}};

// llama.cpp takes these for ends of generation by their text.
constexpr auto kKnownEnds = std::to_array<std::string_view>(
    {"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
     "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
     "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"});

/// What the post-processor of a tokenizer.json puts around one text.
struct Around {
  bool known = false;
  std::string before, after;  ///< contents of tokens; empty: nothing
  bool more = false;          ///< something that llama.cpp cannot do
};

Result<void> read_template(const JsonField& processor, Around& around) {
  around.known = true;
  const auto single = processor.find("single");
  if (!single) return {};
  MINERVA_ASSIGN(const auto elements, single->elements(limits::kTokenizerTemplateIdsMax));
  bool text_seen = false;
  for (const JsonField& element : elements) {
    const auto special = element.find("SpecialToken");
    if (!special) {
      text_seen = true;
      continue;
    }
    MINERVA_ASSIGN(std::string id, special->string_or("id", "", limits::kAddedTokenBytesMax));
    std::string& place = text_seen ? around.after : around.before;
    around.more = around.more || !place.empty();
    place = std::move(id);
  }
  return {};
}

Result<Around> read_around(const JsonField& root) {
  Around around;
  const auto field = root.find("post_processor");
  if (!field) return around;
  MINERVA_ASSIGN(const std::string type, field->string_or("type", "", 64));
  std::vector<JsonField> processors = {*field};
  if (type == "Sequence") {
    MINERVA_ASSIGN(const JsonField list, field->field("processors"));
    MINERVA_ASSIGN(processors, list.elements(limits::kTokenizerPartCountMax));
  }
  for (const JsonField& processor : processors) {
    MINERVA_ASSIGN(const std::string kind, processor.string_or("type", "", 64));
    if (kind == "TemplateProcessing") MINERVA_TRY(read_template(processor, around));
    around.more = around.more || kind == "BertProcessing" || kind == "RobertaProcessing";
  }
  return around;
}

/// The content of "bos_token" and so on: a string, or an object with one.
std::optional<std::string> content_of(const std::optional<JsonField>& field) {
  if (!field) return std::nullopt;
  if (field->is_object()) return content_of(field->find("content"));
  const auto text = field->string();
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

class Specials {
 public:
  Specials(const ModelDescription& description, std::size_t rows, KeyValues& keys)
      : description_(description), rows_(rows), keys_(keys) {}

  Result<std::vector<std::string>> run() {
    MINERVA_ASSIGN(tokenizer_, load_tokenizer(description_));
    for (std::size_t id = 0; id < std::min(rows_, tokenizer_->vocabulary_size()); ++id) index(id);
    MINERVA_TRY(roles());
    MINERVA_TRY(around());
    ends();
    return std::move(notes_);
  }

 private:
  void index(std::size_t i) {
    const auto id = static_cast<TokenId>(i);
    if (tokenizer_->is_special(id)) ids_.emplace_back(tokenizer_->token_bytes(id, true), id);
  }
  std::optional<TokenId> id_of(std::string_view text) const {
    const auto found = std::ranges::find(ids_, text, &std::pair<std::string, TokenId>::first);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  void set(const char* key, TokenId id) {
    keys_.set(std::string("tokenizer.ggml.") + key, static_cast<std::uint32_t>(id));
  }

  Result<void> roles() {
    std::optional<JsonDocument> config;
    const auto file = description_.path / "tokenizer_config.json";
    if (path_exists(file)) {
      MINERVA_ASSIGN(config, JsonDocument::load(file, limits::kTokenizerConfigBytesMax));
    }
    MINERVA_ASSIGN(const HfConfig model, HfConfig::open(description_.path));
    for (const Role& role : kRoles) {
      std::optional<TokenId> id;
      if (config) {
        const auto text = content_of(config->root().find(std::string(role.name) + "_token"));
        if (text) id = id_of(*text);
      }
      if (!id) {
        MINERVA_ASSIGN(const auto ids,
                       model.int_list(std::string(role.name) + "_token_id", -1, tokenizers::kTokenIdMax));
        if (!ids.empty() && ids[0] >= 0) id = static_cast<TokenId>(ids[0]);
      }
      if (!id || static_cast<std::size_t>(*id) >= rows_) continue;
      set(role.key, *id);
      if (role.key == kRoles[1].key) eos_ = *id;
    }
    return {};
  }

  Result<void> around() {
    const auto file = description_.path / "tokenizer.json";
    if (!path_exists(file)) return from_encoding();
    MINERVA_ASSIGN(const JsonDocument document, JsonDocument::load(file, limits::kTokenizerFileBytesMax));
    MINERVA_ASSIGN(const Around around, read_around(document.root()));
    if (around.more) notes_.emplace_back("the tokenizer puts more around a text than llama.cpp can");
    add(around.before, "bos_token_id", "tokenizer.ggml.add_bos_token");
    add(around.after, "eos_token_id", "tokenizer.ggml.add_eos_token");
    return {};
  }

  // The token that is added is then the one that llama.cpp adds under this key.
  void add(const std::string& text, const char* id_key, const char* key) {
    const auto id = text.empty() ? std::nullopt : id_of(text);
    keys_.set(key, id.has_value());
    if (id) set(id_key, *id);
  }

  // Without a tokenizer.json: what the tokenizer does with nothing.
  Result<void> from_encoding() {
    MINERVA_ASSIGN(const auto ids, tokenizer_->encode("", {.add_special = true}));
    const auto has = [&](std::optional<TokenId> id) {
      return id && std::ranges::find(ids, *id) != ids.end();
    };
    keys_.set("tokenizer.ggml.add_bos_token", has(tokenizer_->bos()));
    keys_.set("tokenizer.ggml.add_eos_token", has(tokenizer_->eos()));
    return {};
  }

  // Further ends of generation, as far as llama.cpp has places for them.
  void ends() {
    std::vector<TokenId> more;
    for (const TokenId id : description_.eos_token_ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= rows_ || id == eos_) continue;
      const std::string text = tokenizer_->token_bytes(id, true);
      if (std::ranges::find(kKnownEnds, text) == kKnownEnds.end()) more.push_back(id);
    }
    constexpr std::array kPlaces = {"eot_token_id", "eom_token_id"};
    for (std::size_t i = 0; i < std::min(more.size(), kPlaces.size()); ++i) set(kPlaces.at(i), more[i]);
    if (more.size() > kPlaces.size()) {
      notes_.push_back(fmt::format("llama.cpp knows only {} of the {} tokens that end a generation",
                                   kPlaces.size() + 1, more.size() + 1));
    }
  }

  const ModelDescription& description_;
  std::size_t rows_;
  KeyValues& keys_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<std::pair<std::string, TokenId>> ids_;
  TokenId eos_ = -1;
  std::vector<std::string> notes_;
};

}  // namespace

Result<std::vector<std::string>> set_special_tokens(const ModelDescription& description, std::size_t rows,
                                                    KeyValues& keys) {
  return Specials(description, rows, keys).run();
}

void set_chat_templates(const ModelDescription& description, KeyValues& keys) {
  std::vector<std::string> names;
  for (const auto& [name, source] : description.chat_templates) {
    if (name == "default") {
      keys.set("tokenizer.chat_template", source);
    } else {
      keys.set("tokenizer.chat_template." + name, source);
      names.push_back(name);
    }
  }
  if (!names.empty()) keys.set("tokenizer.chat_templates", std::move(names));
}

}  // namespace minerva::convert
