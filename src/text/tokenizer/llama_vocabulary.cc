#include "text/tokenizer/llama_vocabulary.h"

#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "text/llama_library.h"
#include "text/tokenizer/gguf_vocabulary_check.h"
#include "text/utf8.h"

namespace minerva {
namespace {

/// A text longer than this is not for any context: 16 MiB is some 4 million tokens.
constexpr std::size_t kTextBytesMax = 16U << 20U;

/// What GGUF calls the ids of other tokens that templates may name.
constexpr std::array<std::pair<const char*, const char*>, 4> kOtherTokens = {{
    {"unk_token", "tokenizer.ggml.unknown_token_id"},
    {"pad_token", "tokenizer.ggml.padding_token_id"},
    {"sep_token", "tokenizer.ggml.seperator_token_id"},
    {"mask_token", "tokenizer.ggml.mask_token_id"},
}};

class LlamaTokenizer final : public Tokenizer {
 public:
  LlamaTokenizer(std::shared_ptr<const llama_model> model, const llama_vocab* vocab)
      : model_(std::move(model)),
        vocab_(vocab),
        size_(static_cast<std::size_t>(llama_vocab_n_tokens(vocab))),
        bos_(valid(llama_vocab_bos(vocab))),
        eos_(valid(llama_vocab_eos(vocab))),
        adds_space_(puts_a_space_before_texts()) {}

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    if (text.size() > kTextBytesMax) {
      return invalid_request(
          fmt::format("the text has {} bytes; at most {} can be tokenized", text.size(), kTextBytesMax),
          "Split the text.");
    }
    if (const std::size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
      return invalid_request(fmt::format("the text is not valid UTF-8 at byte {}", bad),
                             "Convert the text to UTF-8 (iconv -t UTF-8).");
    }
    std::vector<TokenId> ids;
    MINERVA_TRY(guard_llama("tokenize the text with this model's vocabulary", [&] {
      ids.resize(text.size() + 8);
      const auto call = [&] {
        return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()), ids.data(),
                              static_cast<std::int32_t>(ids.size()), options.add_special,
                              options.parse_special);
      };
      std::int32_t count = call();
      if (count < 0 && count != std::numeric_limits<std::int32_t>::min()) {
        ids.resize(static_cast<std::size_t>(-count));
        count = call();
      }
      if (count < 0) return false;
      ids.resize(static_cast<std::size_t>(count));
      return true;
    }));
    return ids;
  }

  Result<std::string> decode(std::span<const TokenId> ids, bool skip_special) const override {
    for (const TokenId id : ids) {
      if (!is_valid(id)) {
        return invalid_request(
            fmt::format("token {} is outside of the vocabulary, which has {} tokens", id, size_),
            fmt::format("Give ids in [0, {}].", size_ - 1));
      }
    }
    if (ids.size() > kTextBytesMax) {
      return invalid_request(
          fmt::format("{} tokens are too many; at most {} are turned into text", ids.size(), kTextBytesMax),
          "Split the tokens.");
    }
    // Not llama_detokenize: for most kinds of BPE it drops spaces before punctuation that the text had.
    Utf8Stream stream;
    std::string text;
    MINERVA_TRY(guard_llama("turn tokens into text", [&] {
      bool first = true;
      std::string piece;
      for (const TokenId id : ids) {
        if (!read_piece(id, !skip_special, piece)) return false;
        std::string_view bytes = piece;
        // The space that the tokenizer puts before a text.
        if (!bytes.empty() && std::exchange(first, false) && adds_space_ && bytes.starts_with(' '))
          bytes.remove_prefix(1);
        text += stream.push(bytes);
      }
      return true;
    }));
    return text + stream.finish();
  }

  std::string token_bytes(TokenId id, bool render_special) const override {
    if (!is_valid(id)) return {};
    std::string bytes;
    const auto done = guard_llama("read a token", [&] { return read_piece(id, render_special, bytes); });
    if (!done) bytes.clear();
    return bytes;
  }

  std::size_t vocabulary_size() const noexcept override { return size_; }
  bool is_special(TokenId id) const override {
    constexpr int kSpecial = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN;
    return is_valid(id) && (llama_vocab_get_attr(vocab_, id) & kSpecial) != 0;
  }
  bool is_end_of_generation(TokenId id) const override {
    return is_valid(id) && llama_vocab_is_eog(vocab_, id);
  }
  std::optional<TokenId> bos() const override { return bos_; }
  std::optional<TokenId> eos() const override { return eos_; }
  std::string bos_text() const override { return bos_ ? llama_vocab_get_text(vocab_, *bos_) : ""; }
  std::string eos_text() const override { return eos_ ? llama_vocab_get_text(vocab_, *eos_) : ""; }
  std::vector<std::pair<std::string, std::string>> named_tokens() const override {
    auto named = Tokenizer::named_tokens();
    for (const auto& [name, key] : kOtherTokens) {
      std::array<char, 16> digits{};
      if (llama_model_meta_val_str(model_.get(), key, digits.data(), digits.size()) <= 0) continue;
      TokenId id = -1;
      std::from_chars(digits.data(), digits.data() + digits.size(), id);
      if (is_valid(id)) named.emplace_back(name, llama_vocab_get_text(vocab_, id));
    }
    return named;
  }

 private:
  /// The bytes of a token, in `out`. Within guard_llama.
  bool read_piece(TokenId id, bool render_special, std::string& out) const {
    constexpr std::size_t kUsualBytes = 64;
    out.resize(kUsualBytes);
    const auto call = [&] {
      return llama_token_to_piece(vocab_, id, out.data(), static_cast<std::int32_t>(out.size()), 0,
                                  render_special);
    };
    std::int32_t count = call();
    if (count < 0) {
      out.resize(static_cast<std::size_t>(-static_cast<std::int64_t>(count)));
      count = call();
    }
    out.resize(static_cast<std::size_t>(std::max(count, 0)));
    return count >= 0;
  }

  /// Whether a text gets a space before it, which libllama says only by what it does: a word that begins with
  /// a space loses it at the start of a text.
  bool puts_a_space_before_texts() const {
    if (llama_vocab_type(vocab_) != LLAMA_VOCAB_TYPE_SPM) return false;
    bool puts = false;
    const auto done = guard_llama("read the vocabulary", [&] {
      std::string piece;
      for (TokenId id = 0; is_valid(id); ++id) {
        if ((llama_vocab_get_attr(vocab_, id) & LLAMA_TOKEN_ATTR_NORMAL) == 0) continue;
        if (!read_piece(id, false, piece)) return false;
        if (piece.size() < 2 || piece[0] != ' ' || piece[1] == ' ') continue;
        std::string text(piece.size(), '\0');
        const auto size = llama_detokenize(vocab_, &id, 1, text.data(),
                                           static_cast<std::int32_t>(text.size()), false, false);
        puts = size >= 0 && static_cast<std::size_t>(size) < piece.size();
        return true;
      }
      return true;
    });
    return done && puts;
  }

  bool is_valid(TokenId id) const noexcept { return id >= 0 && static_cast<std::size_t>(id) < size_; }
  std::optional<TokenId> valid(TokenId id) const noexcept {
    return is_valid(id) ? std::optional(id) : std::nullopt;
  }

  std::shared_ptr<const llama_model> model_;  // owns vocab_
  const llama_vocab* vocab_;
  std::size_t size_;
  std::optional<TokenId> bos_;
  std::optional<TokenId> eos_;
  bool adds_space_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_llama_tokenizer(std::shared_ptr<const llama_model> model) {
  const llama_vocab* const vocab = llama_model_get_vocab(model.get());
  if (llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_NONE || llama_vocab_n_tokens(vocab) <= 0) {
    return model_loading("the model has no vocabulary (tokenizer.ggml.model is 'no_vocab' or missing)",
                         "Use a GGUF of the model that includes its tokenizer.");
  }
  return std::make_shared<const LlamaTokenizer>(std::move(model), vocab);
}

Result<std::shared_ptr<const Tokenizer>> load_gguf_tokenizer(const ModelDescription& description) {
  if (description.weight_files.empty()) return internal_error("a GGUF description without files");
  MINERVA_ASSIGN(const gguf::File file, gguf::File::open(description.weight_files.front()));
  MINERVA_TRY(check_gguf_vocabulary(file));
  std::shared_ptr<const llama_model> model;
  auto loaded = guard_llama(
      fmt::format("read the vocabulary of '{}'", description.weight_files.front().filename().string()), [&] {
        llama_model_params params = llama_model_default_params();
        params.vocab_only = true;
        params.load_mode = LLAMA_LOAD_MODE_NONE;
        model.reset(llama_model_load_from_file(description.weight_files.front().c_str(), params),
                    [](const llama_model* raw) { llama_model_free(const_cast<llama_model*>(raw)); });
        return model != nullptr;
      });
  if (!loaded) {
    MINERVA_TRY(check_gguf_vocabulary_thoroughly(file));
    return std::unexpected(std::move(loaded).error());
  }
  return make_llama_tokenizer(std::move(model));
}

}  // namespace minerva
