// Text to token ids and back: one tokenizer a model, whichever backend runs it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"
#include "text/tokenizer/token_stream.h"

namespace minerva {

/// How `Tokenizer::encode` treats special tokens.
struct EncodeOptions {
  /// Add what the tokenizer itself puts around a text (BOS, post-processor).
  bool add_special = true;
  /// Recognise special tokens written out in the text ("<|im_start|>"). False for text from users that no
  /// template has wrapped.
  bool parse_special = true;
};

/// Immutable and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Errors: InvalidRequest when `text` is not valid UTF-8 or longer than the limit.
  virtual Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options = {}) const = 0;

  /// The text of `ids`. With `skip_special`, special tokens give nothing.
  virtual Result<std::string> decode(std::span<const TokenId> ids, bool skip_special) const = 0;

  /// The bytes that token `id` adds to a running text (may be part of a UTF-8 character; empty for a special
  /// token unless `render_special`). `id` must be in [0, vocabulary_size()).
  virtual std::string token_bytes(TokenId id, bool render_special = false) const = 0;

  /// For text that has to come out while ids come in. This tokenizer must outlive the stream. The default
  /// joins `token_bytes`; a tokenizer whose `decode` does more must override it.
  virtual std::unique_ptr<TokenStream> stream(bool skip_special) const;

  virtual std::size_t vocabulary_size() const noexcept = 0;
  virtual bool is_special(TokenId id) const = 0;
  /// Whether `id` ends a generation (EOS, EOT, EOM ...).
  virtual bool is_end_of_generation(TokenId id) const = 0;
  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  /// The text of the BOS/EOS token as templates see it; empty where there is none.
  virtual std::string bos_text() const = 0;
  virtual std::string eos_text() const = 0;
  /// The texts of special tokens by the names that templates know them by: "bos_token", "image_token" ...
  virtual std::vector<std::pair<std::string, std::string>> named_tokens() const;
};

}  // namespace minerva
