// From token strings back to text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer/pattern.h"
#include "text/tokenizer/pre_tokenizers.h"

namespace minerva::tokenizers {

/// One step of decoding. Immutable and thread-safe.
class Decoder {
 public:
  /// How much a step has to see.
  enum class Scope : std::uint8_t {
    Token,       ///< each token by itself, and whether it is the first: `one`
    ByteTokens,  ///< runs of "<0xNN>"
    FuseBytes,   ///< all tokens become one text, written in bytes
    Fuse,        ///< all tokens become one text
    Everything,  ///< all tokens at once
  };
  explicit Decoder(Scope scope) : scope_(scope) {}
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Scope scope() const noexcept { return scope_; }
  /// All tokens of a text.
  virtual Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& budget) const = 0;
  /// Scope::Token only.
  virtual Result<std::string> one(std::string token, bool /*first*/, const TimeBudget& /*budget*/) const {
    return token;
  }

 private:
  Scope scope_;
};
using DecoderPointer = std::unique_ptr<const Decoder>;
/// Steps in order; nested sequences are flattened.
using DecoderChain = std::vector<DecoderPointer>;

/// Takes a character away at the beginning and end of each token, at most so many times.
struct StripCounts {
  char32_t content = ' ';
  std::size_t start = 0;
  std::size_t stop = 0;
};

DecoderPointer make_bpe_decoder(std::string suffix);
DecoderPointer make_byte_fallback_decoder();
DecoderPointer make_byte_level_decoder();
DecoderPointer make_ctc_decoder(std::string pad_token, std::string word_delimiter, bool cleanup);
DecoderPointer make_fuse_decoder();
DecoderPointer make_metaspace_decoder(char32_t replacement, PrependScheme scheme);
DecoderPointer make_replace_decoder(Pattern pattern, std::string content);
DecoderPointer make_strip_decoder(const StripCounts& counts);
DecoderPointer make_word_piece_decoder(std::string prefix, bool cleanup);
/// What happens without a decoder: tokens joined by spaces.
DecoderPointer make_joining_decoder();

/// The counts of a Strip step, or null for another step.
const StripCounts* strip_counts(const Decoder& decoder) noexcept;
/// The byte of "<0xNN>", or -1.
int byte_of_token(std::string_view token) noexcept;
/// The bytes that a byte-level token stands for: its own text where it isn't in the byte-level alphabet.
void append_token_bytes(std::string& out, std::string_view token);

}  // namespace minerva::tokenizers
