#include "text/tokenizer/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "base/limits.h"
#include "formats/hf_config/hf_config.h"

namespace minerva::tokenizers {

namespace {

namespace fs = std::filesystem;

/// A special token as a configuration names it: a string, or an object with flags.
Result<AddedToken> read_special(const JsonField& field) {
  if (field.is_object()) {
    MINERVA_ASSIGN(AddedToken token, read_added_token(field));
    return token;
  }
  AddedToken token;
  MINERVA_ASSIGN(token.content, field.bounded_string(limits::kAddedTokenBytesMax));
  token.special = true;
  token.normalized = false;
  return token;
}

Result<std::optional<JsonDocument>> load_if_there(const fs::path& file, std::uint64_t bytes_max) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::optional<JsonDocument>();
  MINERVA_ASSIGN(JsonDocument document, JsonDocument::load(file, bytes_max));
  return std::optional(std::move(document));
}

/// Members of the file whose names end in "_token": bos_token, eos_token, image_token ...
std::vector<std::string> token_keys(const JsonField& root) {
  std::vector<std::string> keys;
  simdjson::dom::object object;
  if (root.value().get_object().get(object) != simdjson::SUCCESS) return keys;
  for (const auto member : object) {
    const bool is_token =
        member.key.ends_with("_token") && (member.value.is_string() || member.value.is_object());
    if (is_token) keys.emplace_back(member.key);
  }
  return keys;
}

/// What transformers gathers before it builds a tokenizer.
class Companions {
 public:
  Companions(Pipeline& pipeline, std::map<std::string, AddedToken> defaults)
      : pipeline_(pipeline), named_(std::move(defaults)) {}

  Result<void> read(const fs::path& directory) {
    MINERVA_ASSIGN(const auto config,
                   load_if_there(directory / "tokenizer_config.json", limits::kTokenizerConfigBytesMax));
    bool has_decoder = false;
    if (config) {
      const JsonField root = config->root();
      MINERVA_TRY(read_named(root));
      if (const auto decoder = root.find("added_tokens_decoder")) {
        has_decoder = true;
        MINERVA_TRY(read_added_tokens_decoder(*decoder));
      }
    }
    if (!has_decoder) {
      // Files of before: each says more of the same.
      MINERVA_ASSIGN(const auto map,
                     load_if_there(directory / "special_tokens_map.json", limits::kTokenizerConfigBytesMax));
      if (map) MINERVA_TRY(read_named(map->root()));
      MINERVA_ASSIGN(const auto added,
                     load_if_there(directory / "added_tokens.json", limits::kTokenizerConfigBytesMax));
      if (added) MINERVA_TRY(read_added_tokens(added->root()));
    }
    return {};
  }

  /// Adds to the pipeline what it lacks.
  Result<void> apply() {
    for (auto& [id, token] : decoder_) MINERVA_TRY(add_if_new(token));
    for (const auto& key : kInOrder) {
      const auto found = named_.find(std::string(key));
      if (found != named_.end()) MINERVA_TRY(add_unless_there(found->second));
    }
    for (const auto& [key, token] : named_) MINERVA_TRY(add_unless_there(token));
    for (const AddedToken& token : extra_) MINERVA_TRY(add_unless_there(token));
    return {};
  }

  std::optional<TokenId> id_of(std::string_view key) const {
    const auto found = named_.find(std::string(key));
    if (found == named_.end()) return std::nullopt;
    if (const auto id = pipeline_.added.id_of(found->second.content)) return id;
    return pipeline_.model->vocabulary().find(found->second.content);
  }

  std::map<std::string, std::string> texts() const {
    std::map<std::string, std::string> texts;
    for (const auto& [key, token] : named_) texts.emplace(key, token.content);
    return texts;
  }

 private:
  /// In which transformers adds what is not there yet.
  static constexpr auto kInOrder = std::to_array<std::string_view>(
      {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"});

  Result<void> add_unless_there(const AddedToken& token) {
    if (pipeline_.added.id_of(token.content)) return {};
    return add_if_new(token);
  }

  Result<void> read_named(const JsonField& root) {
    std::erase_if(named_, [&](const auto& entry) {
      simdjson::dom::element value;
      return root.value().at_key(entry.first).get(value) == simdjson::SUCCESS && value.is_null();
    });
    for (const std::string& key : token_keys(root)) {
      MINERVA_ASSIGN(const JsonField field, root.field(key));
      MINERVA_ASSIGN(AddedToken token, read_special(field));
      token.special = true;
      named_[key] = std::move(token);
    }
    for (const std::string_view key : {"extra_special_tokens", "additional_special_tokens"}) {
      const auto list = root.find(key);
      if (!list) continue;
      MINERVA_TRY(read_extra(*list));
      break;
    }
    return {};
  }

  Result<void> read_extra(const JsonField& field) {
    if (!field.is_array()) {
      for (const std::string& key : token_keys(field)) {
        MINERVA_ASSIGN(const JsonField member, field.field(key));
        MINERVA_ASSIGN(named_[key], read_special(member));
      }
      return {};
    }
    extra_.clear();
    MINERVA_ASSIGN(const auto elements, field.elements(limits::kAddedTokenCountMax));
    for (const JsonField& element : elements) {
      MINERVA_ASSIGN(AddedToken token, read_special(element));
      extra_.push_back(std::move(token));
    }
    return {};
  }

  /// {"128000": {"content": ...}, ...}
  Result<void> read_added_tokens_decoder(const JsonField& field) {
    simdjson::dom::object object;
    if (field.value().get_object().get(object) != simdjson::SUCCESS) return field.expected("an object");
    for (const auto member : object) {
      TokenId id = 0;
      const auto [end, error] = std::from_chars(member.key.data(), member.key.data() + member.key.size(), id);
      if (error != std::errc() || end != member.key.data() + member.key.size() || id < 0 ||
          id > kTokenIdMax) {
        return field.error(fmt::format("the key \"{}\" should be a token id", member.key.substr(0, 32)));
      }
      MINERVA_ASSIGN(const JsonField value, field.field(member.key));
      MINERVA_ASSIGN(decoder_[id], read_added_token(value));
    }
    return {};
  }

  /// {"<extra>": 32000, ...}
  Result<void> read_added_tokens(const JsonField& root) {
    simdjson::dom::object object;
    if (root.value().get_object().get(object) != simdjson::SUCCESS) return root.expected("an object");
    for (const auto member : object) {
      MINERVA_ASSIGN(const JsonField value, root.field(member.key));
      MINERVA_ASSIGN(const auto id, value.integer(0, kTokenIdMax));
      if (pipeline_.added.id_of(member.key)) continue;  // tokenizer.json knows it, and knows more of it
      AddedToken token;
      token.content = member.key;
      token.special = is_named(token.content);
      token.normalized = !token.special;
      decoder_[static_cast<TokenId>(id)] = std::move(token);
    }
    return {};
  }

  bool is_named(std::string_view content) const {
    return std::ranges::any_of(named_, [&](const auto& entry) { return entry.second.content == content; });
  }

  Result<void> add_if_new(AddedToken token) {
    if (token.content.empty()) return {};
    if (!token.special && is_named(token.content)) token.special = true;
    const auto known = pipeline_.added.id_of(token.content);
    if (known && *pipeline_.added.token(*known) == token) return {};
    MINERVA_TRY(pipeline_.add_token(std::move(token)));
    return {};
  }

  Pipeline& pipeline_;
  std::map<std::string, AddedToken> named_;
  std::map<TokenId, AddedToken> decoder_;
  std::vector<AddedToken> extra_;
};

/// Special ids of a file. What isn't an id is left out: it belongs to the model, whose own reader judges it.
void gather_ids(const HfConfig& config, SpecialIds& special) {
  if (const auto ids = config.int_list("eos_token_id", 0, kTokenIdMax)) {
    for (const std::int64_t id : *ids) special.end_of_generation.insert(static_cast<TokenId>(id));
  }
  if (special.bos) return;
  if (const auto bos = config.optional_int("bos_token_id", 0, kTokenIdMax); bos && *bos)
    special.bos = static_cast<TokenId>(**bos);
}

}  // namespace

Result<AddedToken> read_added_token(const JsonField& field) {
  AddedToken token;
  MINERVA_ASSIGN(const JsonField content, field.field("content"));
  MINERVA_ASSIGN(token.content, content.bounded_string(limits::kAddedTokenBytesMax));
  MINERVA_ASSIGN(token.special, field.boolean_or("special", false));
  MINERVA_ASSIGN(token.single_word, field.boolean_or("single_word", false));
  MINERVA_ASSIGN(token.lstrip, field.boolean_or("lstrip", false));
  MINERVA_ASSIGN(token.rstrip, field.boolean_or("rstrip", false));
  MINERVA_ASSIGN(token.normalized, field.boolean_or("normalized", !token.special));
  return token;
}

Result<SpecialIds> apply_companions(const fs::path& directory, Pipeline& pipeline,
                                    std::map<std::string, AddedToken> defaults) {
  Companions companions(pipeline, std::move(defaults));
  MINERVA_TRY(companions.read(directory));
  MINERVA_TRY(companions.apply());
  SpecialIds special;
  special.bos = companions.id_of("bos_token");
  special.eos = companions.id_of("eos_token");
  special.named = companions.texts();
  special.named_bos = special.bos;
  if (special.eos) special.end_of_generation.insert(*special.eos);
  std::error_code ignored;
  if (const auto file = directory / "generation_config.json"; fs::exists(file, ignored)) {
    // A damaged one is advice that is left out.
    if (const auto config = HfConfig::open(file)) gather_ids(*config, special);
  }
  if (const auto file = directory / "config.json"; fs::exists(file, ignored)) {
    MINERVA_ASSIGN(const HfConfig config, HfConfig::open(file));
    gather_ids(config, special);
  }
  return special;
}

Result<void> put_around(const fs::path& directory, std::optional<TokenId> bos, std::optional<TokenId> eos,
                        Pipeline& pipeline) {
  bool add_bos = false;
  bool add_eos = false;
  MINERVA_ASSIGN(const auto settings,
                 load_if_there(directory / "tokenizer_config.json", limits::kTokenizerConfigBytesMax));
  if (settings) {
    MINERVA_ASSIGN(add_bos, settings->root().boolean_or("add_bos_token", false));
    MINERVA_ASSIGN(add_eos, settings->root().boolean_or("add_eos_token", false));
  }
  std::vector<TemplatePart> parts;
  if (add_bos && bos) parts.push_back({.ids = {*bos}});
  parts.push_back({.text_index = 0});
  if (add_eos && eos) parts.push_back({.ids = {*eos}});
  pipeline.post_processor = make_template_post_processor(std::move(parts), {});
  return {};
}

}  // namespace minerva::tokenizers
