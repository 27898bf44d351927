#include "text/tokenizer/gguf_vocabulary_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/limits.h"
#include "formats/quote.h"

namespace minerva {
namespace {

constexpr std::string_view kModelKey = "tokenizer.ggml.model";
constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
/// Kinds whose suffixes libllama multiplies out: their tokens must be short.
constexpr std::size_t kSuffixTokenBytesMax = 256;
constexpr std::size_t kTokenBytesMax = 16 * limits::kKiB;

/// The kinds of llama-vocab.cpp (b8xxx, llama-cpp-python 0.3.36), with the ids it assumes where keys are
/// missing. Left out: "t5" (its character map is read without bounds) and "test".
struct Kind {
  std::string_view name;
  std::int64_t default_bos;
  std::int64_t default_eos;
  bool adds_bos;
  bool adds_eos;
};
constexpr std::array kKinds = {Kind{"llama", 1, 2, true, false},       Kind{"gpt2", 11, 11, false, false},
                               Kind{"gemma4", -1, -1, true, false},    Kind{"bert", 101, -1, true, false},
                               Kind{"rwkv", -1, -1, false, false},     Kind{"plamo2", 1, 2, false, false},
                               Kind{"hybriddna", 11, 11, false, false}};

/// The values of tokenizer.ggml.pre for which libllama adds BOS by itself.
constexpr auto kPreThatAddBos = std::to_array<std::string_view>(
    {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
     "tekken", "chameleon", "gemma4", "granite-embed-multi-311m"});

class Checker {
 public:
  explicit Checker(const gguf::File& file) : file_(file), metadata_(file.metadata()) {}

  Result<void> run() {
    if (!metadata_.contains(kModelKey)) {
      if (!metadata_.contains(kTokensKey)) return {};
      return metadata_.missing(kModelKey, "string");
    }
    MINERVA_ASSIGN(model_, metadata_.require_string(kModelKey, 64));
    if (model_ == "no_vocab" || model_ == "none") return {};
    MINERVA_TRY(kind());
    MINERVA_TRY(tokens());
    MINERVA_TRY(scores());
    MINERVA_TRY(token_types());
    MINERVA_TRY(merges());
    MINERVA_TRY(special_ids());
    MINERVA_TRY(added_tokens());
    if (model_ == "rwkv") MINERVA_TRY(rwkv_bytes());
    return {};
  }

  Result<void> run_thoroughly() {
    MINERVA_TRY(run());
    MINERVA_TRY(duplicates());
    return merge_forms();
  }

 private:
  template <class... Arguments>
  std::unexpected<Error> bad(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    return model_loading(
        fmt::format("'{}': {}", file_.name(), fmt::format(format, std::forward<Arguments>(arguments)...)),
        kDownloadAgain);
  }

  Result<void> kind() {
    const auto found = std::ranges::find(kKinds, model_, &Kind::name);
    if (found != kKinds.end()) {
      kind_ = &*found;
      return {};
    }
    std::array<std::string_view, kKinds.size()> names;
    std::ranges::transform(kKinds, names.begin(), &Kind::name);
    return model_loading(
        fmt::format("'{}': key '{}' is {}, which is not supported", file_.name(), kModelKey, quoted(model_)),
        fmt::format("Vocabularies of these kinds are: {}. Use another GGUF of the model, or "
                    "its Hugging Face directory.",
                    fmt::join(names, ", ")));
  }

  Result<void> tokens() {
    MINERVA_ASSIGN(const gguf::ArrayInfo* array, metadata_.get_array(kTokensKey));
    if (array == nullptr) return metadata_.missing(kTokensKey, "array of string");
    MINERVA_ASSIGN(tokens_, metadata_.get_strings(kTokensKey));
    if (tokens_.empty() || tokens_.size() > limits::kVocabularySizeMax) {
      return bad("key '{}' has {} elements, expected 1 to {}", kTokensKey, tokens_.size(),
                 limits::kVocabularySizeMax);
    }
    const std::size_t bytes_max = model_ == "plamo2" ? kSuffixTokenBytesMax : kTokenBytesMax;
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
      if (tokens_[id].size() > bytes_max) {
        return bad("key '{}': token {} has {} bytes, at most {} are supported", kTokensKey, id,
                   tokens_[id].size(), bytes_max);
      }
    }
    return {};
  }

  // As many elements as tokens.
  Result<void> same_length(std::string_view key, std::uint64_t count) const {
    if (count == tokens_.size()) return {};
    return bad("key '{}' has {} elements, expected {} as in '{}'", key, count, tokens_.size(), kTokensKey);
  }

  Result<void> scores() const {
    constexpr std::string_view kKey = "tokenizer.ggml.scores";
    MINERVA_ASSIGN(const gguf::ArrayInfo* array, metadata_.get_array(kKey));
    if (array == nullptr) return {};
    MINERVA_TRY(same_length(kKey, array->count));
    if (array->element == gguf::ValueType::I32) return {};
    MINERVA_ASSIGN(const auto values, metadata_.get_numbers<float>(kKey));
    const auto bad_value = std::ranges::find_if(values, [](float value) { return std::isnan(value); });
    if (bad_value == values.end()) return {};
    return bad("key '{}': the score of token {} is not a number", kKey, bad_value - values.begin());
  }

  Result<void> token_types() const {
    constexpr std::string_view kKey = "tokenizer.ggml.token_type";
    constexpr std::int32_t kByte = 6;
    MINERVA_ASSIGN(const gguf::ArrayInfo* array, metadata_.get_array(kKey));
    if (array == nullptr) return {};
    MINERVA_TRY(same_length(kKey, array->count));
    MINERVA_ASSIGN(const auto types, metadata_.get_numbers<std::int32_t>(kKey));
    for (std::size_t id = 0; id < types.size(); ++id) {
      if (types[id] < 0 || types[id] > kByte)
        return bad("key '{}': token {} has type {}, expected 0 to {}", kKey, id, types[id], kByte);
      if (types[id] == kByte && !is_byte_token(tokens_[id])) {
        return bad("key '{}': token {} is {}, but a byte token has the form <0xNN>", kTokensKey, id,
                   quoted(tokens_[id]));
      }
    }
    return {};
  }

  static bool is_byte_token(std::string_view text) {
    const auto is_hex = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    };
    return text.size() == 6 && text.starts_with("<0x") && is_hex(text[3]) && is_hex(text[4]) &&
           text[5] == '>';
  }

  Result<void> merges() const {
    constexpr std::string_view kKey = "tokenizer.ggml.merges";
    MINERVA_ASSIGN(const gguf::ArrayInfo* array, metadata_.get_array(kKey));
    if (array == nullptr) {
      if (model_ == "gpt2" || model_ == "gemma4") return metadata_.missing(kKey, "array of string");
      return {};
    }
    if (array->element != gguf::ValueType::String) {
      return bad("key '{}' is an array of {}, expected an array of string", kKey,
                 gguf::value_type_name(array->element));
    }
    return {};
  }

  /// An id outside the vocabulary (-1 in a u32 above all) is as good as none: libllama takes its default
  /// then.
  Result<std::optional<std::uint32_t>> special_id(std::string_view key) const {
    MINERVA_ASSIGN(const auto id, metadata_.get<std::uint32_t>(key));
    return id && *id < tokens_.size() ? id : std::nullopt;
  }

  Result<void> special_ids() const {
    for (const std::string_view key :
         {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
          "tokenizer.ggml.eom_token_id", "tokenizer.ggml.unknown_token_id",
          "tokenizer.ggml.seperator_token_id", "tokenizer.ggml.mask_token_id",
          "tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.fim_suf_token_id",
          "tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.fim_pad_token_id",
          "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id",
          "tokenizer.ggml.padding_token_id", "tokenizer.ggml.prefix_token_id",
          "tokenizer.ggml.suffix_token_id", "tokenizer.ggml.middle_token_id"}) {
      MINERVA_TRY(special_id(key));  // a number, of the type that libllama reads
    }
    return {};
  }

  // A token that is to be put before or after every text must exist.
  Result<void> added_token(std::string_view id_key, std::string_view add_key, bool adds,
                           std::int64_t default_id) const {
    MINERVA_ASSIGN(const auto stated, metadata_.get<bool>(add_key));
    if (!stated.value_or(adds)) return {};
    MINERVA_ASSIGN(const auto id, special_id(id_key));
    const bool has_default = default_id >= 0 && static_cast<std::size_t>(default_id) < tokens_.size();
    if (id || has_default) return {};
    return bad("a token is to be added to every text ('{}'), but key '{}' does not say which", add_key,
               id_key);
  }

  Result<void> added_tokens() const {
    MINERVA_ASSIGN(const auto pre, metadata_.get_string("tokenizer.ggml.pre", 256));
    const bool is_glm = pre && (*pre == "chatglm-bpe" || pre->starts_with("glm"));
    const bool pre_adds = pre && std::ranges::find(kPreThatAddBos, *pre) != kPreThatAddBos.end();
    MINERVA_TRY(added_token("tokenizer.ggml.bos_token_id", "tokenizer.ggml.add_bos_token",
                            kind_->adds_bos || pre_adds, is_glm ? -1 : kind_->default_bos));
    MINERVA_TRY(added_token("tokenizer.ggml.eos_token_id", "tokenizer.ggml.add_eos_token", kind_->adds_eos,
                            kind_->default_eos));
    return {};
  }

  // The bytes that libllama makes of an RWKV token, which is written with escapes (\\n, \\x0a).
  static std::string rwkv_unescaped(std::string_view token) {
    constexpr auto kDigit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (token[i] != '\\') {
        out += token[i];
        continue;
      }
      if (++i == token.size()) break;
      if (token[i] == 'x') {
        if (i + 2 >= token.size()) break;
        out += static_cast<char>(kDigit(token[i + 1]) * 16 + kDigit(token[i + 2]));
        i += 2;
      } else {
        const std::size_t named = std::string_view("tnr").find(token[i]);
        out += named == std::string_view::npos ? token[i] : "\t\n\r"[named];
      }
    }
    return out;
  }

  // Where a byte begins a token but is none, libllama looks at it forever.
  Result<void> rwkv_bytes() const {
    std::array<bool, 256> is_token{};
    std::array<std::optional<std::size_t>, 256> begins{};
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
      const std::string bytes = rwkv_unescaped(tokens_[id]);
      if (bytes.empty()) continue;
      const auto first = static_cast<unsigned char>(bytes[0]);
      begins[first] = id;
      if (bytes.size() == 1) is_token[first] = true;
    }
    for (std::size_t byte = 0; byte < begins.size(); ++byte) {
      if (begins[byte] && !is_token[byte]) {
        return bad("key '{}': token {} begins with the byte {:#04x}, for which there is no token", kTokensKey,
                   *begins[byte], byte);
      }
    }
    return {};
  }

  Result<void> duplicates() const {
    std::unordered_map<std::string_view, std::size_t> seen;
    seen.reserve(tokens_.size());
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
      const auto [first, is_new] = seen.emplace(tokens_[id], id);
      if (!is_new && !tokens_[id].empty()) {
        return bad("key '{}': tokens {} and {} are both {}", kTokensKey, first->second, id,
                   quoted(tokens_[id]));
      }
    }
    return {};
  }

  Result<void> merge_forms() const {
    constexpr std::string_view kKey = "tokenizer.ggml.merges";
    MINERVA_ASSIGN(const auto merges, metadata_.get_strings(kKey));
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const std::size_t space = merges[i].find(' ', 1);
      if (space == std::string_view::npos || space + 1 == merges[i].size())
        return bad("key '{}': merge {} is {}, expected two pieces and a space between", kKey, i,
                   quoted(merges[i]));
    }
    return {};
  }

  const gguf::File& file_;
  const gguf::Metadata& metadata_;
  std::string model_;
  const Kind* kind_ = nullptr;
  gguf::StringArray tokens_;
};

}  // namespace

Result<void> check_gguf_vocabulary(const gguf::File& file) {
  return Checker(file).run();
}

Result<void> check_gguf_vocabulary_thoroughly(const gguf::File& file) {
  return Checker(file).run_thoroughly();
}

}  // namespace minerva
