#include "formats/gguf/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/limits.h"
#include "formats/gguf/file_type.h"
#include "formats/gguf/recommendations.h"
#include "formats/kind.h"
#include "formats/quote.h"

namespace minerva::gguf {
namespace {

constexpr std::uint32_t kCountMax = std::numeric_limits<std::int32_t>::max();

/// Reads the keys of one model into a description. Keys are read as llama.cpp reads them: where it wants a
/// u32, nothing else will do.
class Describer {
 public:
  explicit Describer(const Model& model) : model_(model), metadata_(model.metadata()) {}

  Result<ModelDescription> run() {
    MINERVA_TRY(general());
    MINERVA_TRY(dimensions());
    MINERVA_TRY(attention());
    MINERVA_TRY(tokenizer());
    MINERVA_TRY(special_tokens());
    MINERVA_TRY(chat_templates());
    read_recommendations(metadata_, out_.sampling, out_.notes);
    MINERVA_TRY(weights());
    return std::move(out_);
  }

 private:
  std::string key(std::string_view suffix) const { return fmt::format("{}.{}", out_.architecture, suffix); }

  std::unexpected<Error> bad(std::string_view key, std::string_view found, std::string_view expected) const {
    return model_loading(
        fmt::format("'{}': key {} is {}, expected {}", metadata_.file_name(), quoted(key), found, expected),
        kDownloadAgain);
  }

  Result<void> general() {
    MINERVA_ASSIGN(const auto type, metadata_.get_string("general.type"));
    if (type.value_or("model") != "model") return gguf_is_no_model(metadata_.file_name(), *type);
    if (!metadata_.contains("general.architecture") && makes_images()) {
      return std::unexpected(*gguf_of_other_use(metadata_.file_name(), "diffusion"));
    }
    MINERVA_ASSIGN(out_.architecture, metadata_.require_string("general.architecture"));
    if (auto other = gguf_of_other_use(metadata_.file_name(), out_.architecture)) {
      return std::unexpected(*std::move(other));
    }
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_' || c == '.';
    };
    if (out_.architecture.empty() || out_.architecture.size() > 64 ||
        !std::ranges::all_of(out_.architecture, allowed)) {
      return bad("general.architecture", quoted(out_.architecture),
                 "a name of letters, digits, '-', '_' and '.'");
    }
    MINERVA_ASSIGN(const auto name, metadata_.get_string("general.name"));
    out_.name = name && !name->empty() && is_utf8(*name) ? *name : model_.paths.front().stem().string();
    return {};
  }

  /// Files of stable-diffusion.cpp name no architecture.
  bool makes_images() const {
    constexpr auto kPrefixes = std::to_array<std::string_view>(
        {"model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "double_blocks."});
    return std::ranges::any_of(model_.first().tensors(), [&](const TensorInfo& tensor) {
      return std::ranges::any_of(kPrefixes,
                                 [&](std::string_view prefix) { return tensor.name.starts_with(prefix); });
    });
  }

  /// A u32 in [min, max].
  Result<std::uint32_t> bounded(std::string_view suffix, std::uint32_t min, std::uint32_t max) {
    MINERVA_ASSIGN(const auto value, metadata_.require<std::uint32_t>(key(suffix)));
    if (value < min || value > max) {
      return bad(key(suffix), fmt::to_string(value), fmt::format("{} to {}", min, max));
    }
    return value;
  }

  Result<std::uint32_t> optional_count(std::string_view suffix) {
    MINERVA_ASSIGN(const auto value, metadata_.get<std::uint32_t>(key(suffix)));
    if (value.value_or(0) > kCountMax) {
      return bad(key(suffix), fmt::to_string(*value), fmt::format("0 to {}", kCountMax));
    }
    return value.value_or(0);
  }

  /// A u32, or one integer a layer: then the largest. Nothing when the key is absent.
  Result<std::optional<std::uint32_t>> per_layer(std::string_view suffix) {
    const KeyValue* entry = metadata_.find(key(suffix));
    if (entry == nullptr) return std::nullopt;
    const auto* array = std::get_if<ArrayInfo>(&entry->value);
    if (array == nullptr) {
      MINERVA_ASSIGN(const auto value, optional_count(suffix));
      return value;
    }
    if (array->count != out_.layer_count) {
      return bad(entry->key, fmt::format("an array of {}", array->count),
                 fmt::format("one element for each of {} layers", out_.layer_count));
    }
    if (array->element == ValueType::U32) return largest<std::uint32_t>(*entry);
    if (array->element == ValueType::I32) return largest<std::int32_t>(*entry);
    return metadata_.wrong_type(*entry, "u32 or array of u32 or i32");
  }

  template <class T>
  Result<std::optional<std::uint32_t>> largest(const KeyValue& entry) {
    MINERVA_ASSIGN(const std::vector<T> values, metadata_.get_numbers<T>(entry.key));
    std::uint32_t most = 0;
    for (const T value : values) {
      if (!std::in_range<std::int32_t>(value) || value < 0) {
        return bad(entry.key, fmt::format("an array that holds {}", value),
                   fmt::format("0 to {}", kCountMax));
      }
      most = std::max(most, static_cast<std::uint32_t>(value));
    }
    return most;
  }

  Result<void> dimensions() {
    MINERVA_ASSIGN(out_.layer_count, bounded("block_count", 1, limits::kLayerCountMax));
    MINERVA_ASSIGN(out_.context_length, bounded("context_length", 1, kCountMax));
    MINERVA_ASSIGN(out_.embedding_length, bounded("embedding_length", 1, kCountMax));
    MINERVA_ASSIGN(const auto feed_forward, per_layer("feed_forward_length"));
    out_.feed_forward_length = feed_forward.value_or(0);
    return {};
  }

  Result<void> attention() {
    MINERVA_ASSIGN(const auto heads, per_layer("attention.head_count"));
    MINERVA_ASSIGN(const auto kv_heads, per_layer("attention.head_count_kv"));
    out_.head_count = heads.value_or(0);
    out_.kv_head_count = kv_heads.value_or(out_.head_count);
    if (out_.kv_head_count > out_.head_count) {
      return bad(key("attention.head_count_kv"), fmt::to_string(out_.kv_head_count),
                 fmt::format("at most the head count, which is {}", out_.head_count));
    }
    const std::uint32_t head_length = out_.head_count == 0 ? 0 : out_.embedding_length / out_.head_count;
    MINERVA_ASSIGN(const auto key_length, optional_count("attention.key_length"));
    MINERVA_ASSIGN(const auto value_length, optional_count("attention.value_length"));
    out_.key_length = metadata_.contains(key("attention.key_length")) ? key_length : head_length;
    out_.value_length = metadata_.contains(key("attention.value_length")) ? value_length : head_length;
    MINERVA_ASSIGN(out_.sliding_window, optional_count("attention.sliding_window"));
    return {};
  }

  Result<void> tokenizer() {
    MINERVA_ASSIGN(const auto kind, metadata_.get_string("tokenizer.ggml.model"));
    MINERVA_ASSIGN(const auto pre, metadata_.get_string("tokenizer.ggml.pre"));
    MINERVA_ASSIGN(const ArrayInfo* tokens, metadata_.get_array("tokenizer.ggml.tokens"));
    MINERVA_ASSIGN(const auto vocabulary, metadata_.get<std::uint32_t>(key("vocab_size")));
    if (tokens != nullptr && tokens->element != ValueType::String) {
      return metadata_.wrong_type(*metadata_.find("tokenizer.ggml.tokens"), "array of string");
    }
    out_.vocabulary_size =
        tokens != nullptr ? static_cast<std::uint32_t>(tokens->count) : vocabulary.value_or(0);
    MINERVA_TRY(one_per_token("tokenizer.ggml.scores", ValueType::F32));
    MINERVA_TRY(one_per_token("tokenizer.ggml.token_type", ValueType::I32));
    out_.tokenizer = tokenizer_kind(kind.value_or("none"));
    out_.tokenizer_detail = kind.value_or("");
    if (pre && !pre->empty()) out_.tokenizer_detail += "/" + *pre;
    if (!is_utf8(out_.tokenizer_detail)) out_.tokenizer_detail = quoted(out_.tokenizer_detail);
    return {};
  }

  static TokenizerKind tokenizer_kind(std::string_view model) {
    if (model == "none" || model == "no_vocab" || model.empty()) return TokenizerKind::None;
    if (model == "gpt2" || model == "gemma4") return TokenizerKind::Bpe;
    if (model == "llama") return TokenizerKind::SentencePiece;
    if (model == "bert") return TokenizerKind::WordPiece;
    if (model == "t5") return TokenizerKind::Unigram;
    return TokenizerKind::Other;
  }

  Result<void> one_per_token(std::string_view name, ValueType element) {
    MINERVA_ASSIGN(const ArrayInfo* array, metadata_.get_array(name));
    if (array == nullptr) return {};
    if (array->element != element) {
      return metadata_.wrong_type(*metadata_.find(name),
                                  fmt::format("array of {}", value_type_name(element)));
    }
    if (array->count == out_.vocabulary_size) return {};
    return bad(name, fmt::format("an array of {}", array->count),
               fmt::format("one element for each of {} tokens", out_.vocabulary_size));
  }

  /// A token id below the vocabulary's size. One outside (llama.cpp writes -1 as 2^32 - 1 for "none") counts
  /// as absent, as llama.cpp has it.
  Result<std::optional<std::int32_t>> token_id(std::string_view name) {
    MINERVA_ASSIGN(const auto id, metadata_.get<std::uint32_t>(name));
    const std::uint32_t end = out_.vocabulary_size > 0 ? out_.vocabulary_size : kCountMax;
    if (!id || *id >= end) return std::nullopt;
    return static_cast<std::int32_t>(*id);
  }

  Result<void> special_tokens() {
    MINERVA_ASSIGN(out_.bos_token_id, token_id("tokenizer.ggml.bos_token_id"));
    for (const auto* name :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
      MINERVA_ASSIGN(const auto id, token_id(name));
      if (id && std::ranges::find(out_.eos_token_ids, *id) == out_.eos_token_ids.end())
        out_.eos_token_ids.push_back(*id);
    }
    return {};
  }

  Result<void> add_template(std::string_view key, std::string name) {
    MINERVA_ASSIGN(auto source, metadata_.get_string(key, limits::kChatTemplateBytesMax));
    if (!source || source->empty()) return {};
    if (!is_utf8(*source) || !is_utf8(name)) return bad(key, "not valid UTF-8", "a Jinja template in UTF-8");
    out_.chat_templates.push_back({std::move(name), std::move(*source)});
    return {};
  }

  Result<void> chat_templates() {
    constexpr std::string_view kKey = "tokenizer.chat_template";
    MINERVA_TRY(add_template(kKey, "default"));
    for (const KeyValue& entry : metadata_.entries()) {
      if (entry.key.size() <= kKey.size() + 1 || !entry.key.starts_with(kKey) ||
          entry.key[kKey.size()] != '.') {
        continue;
      }
      if (out_.chat_templates.size() == limits::kChatTemplateCountMax) {
        return bad(kKey, "there in more than " + fmt::to_string(limits::kChatTemplateCountMax) + " versions",
                   "fewer");
      }
      MINERVA_TRY(add_template(entry.key, entry.key.substr(kKey.size() + 1)));
    }
    return {};
  }

  Result<void> weights() {
    out_.format = Format::Gguf;
    out_.weight_files = model_.paths;
    for (const File& file : model_.files) {
      out_.file_bytes += file.file_bytes();
      out_.tensor_bytes += file.tensor_bytes();
      out_.tensor_count += file.tensors().size();
      for (const TensorInfo& tensor : file.tensors()) out_.parameter_count += tensor.elements;
    }
    MINERVA_ASSIGN(const auto file_type, metadata_.get_unsigned("general.file_type"));
    out_.quantisation = quantisation_label(file_type, model_.files);
    return {};
  }

  const Model& model_;
  const Metadata& metadata_;
  ModelDescription out_;
};

}  // namespace

Result<ModelDescription> describe_model(const Model& model) {
  return Describer(model).run();
}

}  // namespace minerva::gguf
