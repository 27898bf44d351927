#include "text/tokenizer/decoders.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

#include "base/limits.h"
#include "text/tokenizer/byte_level.h"
#include "text/tokenizer/utf8_codec.h"
#include "text/utf8.h"

namespace minerva::tokenizers {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Takes the spaces away that splitting English put before punctuation.
void clean_up(std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kReplacements = {
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" do not", " don't"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [from, to] : kReplacements) replace_all(text, from, to);
}

/// Base of the steps that work token by token.
class TokenDecoder : public Decoder {
 public:
  TokenDecoder() : Decoder(Scope::Token) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& budget) const override {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      MINERVA_ASSIGN(tokens[i], one(std::move(tokens[i]), i == 0, budget));
      bytes += tokens[i].size();
      if (bytes > limits::kTokenizerExpandedBytesMax) return too_much_text();
    }
    return {};
  }
};

class BpeSuffix final : public Decoder {
 public:
  explicit BpeSuffix(std::string suffix) : Decoder(Scope::Everything), suffix_(std::move(suffix)) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& /*budget*/) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
    return {};
  }

 private:
  std::string suffix_;
};

class ByteFallback final : public Decoder {
 public:
  ByteFallback() : Decoder(Scope::ByteTokens) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& /*budget*/) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_valid_utf8(bytes)) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), std::string(kReplacementCharacter));
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of_token(token); byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
    return {};
  }
};

class ByteLevel final : public Decoder {
 public:
  ByteLevel() : Decoder(Scope::FuseBytes) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& /*budget*/) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_token_bytes(bytes, token);
    Utf8Stream stream;
    std::string text = stream.push(bytes);
    text += stream.finish();
    tokens.assign(1, text);
    return {};
  }
};

class Ctc final : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool cleanup)
      : Decoder(Scope::Everything),
        pad_(std::move(pad)),
        delimiter_(std::move(delimiter)),
        cleanup_(cleanup) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& /*budget*/) const override {
    const auto repeated = std::ranges::unique(tokens);
    tokens.erase(repeated.begin(), repeated.end());
    for (std::string& token : tokens) {
      replace_all(token, pad_, "");
      if (!cleanup_) continue;
      clean_up(token);
      replace_all(token, delimiter_, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
    return {};
  }

 private:
  std::string pad_;
  std::string delimiter_;
  bool cleanup_;
};

class Fuse final : public Decoder {
 public:
  Fuse() : Decoder(Scope::Fuse) {}
  Result<void> apply(std::vector<std::string>& tokens, const TimeBudget& /*budget*/) const override {
    std::string text = std::accumulate(tokens.begin(), tokens.end(), std::string());
    tokens.assign(1, text);
    return {};
  }
};

class Metaspace final : public TokenDecoder {
 public:
  Metaspace(char32_t replacement, PrependScheme scheme) : scheme_(scheme) {
    append_utf8(replacement_, replacement);
  }
  Result<std::string> one(std::string token, bool first, const TimeBudget& /*budget*/) const override {
    // Every replacement in the first token is dropped, not only the leading one: so does the reference.
    replace_all(token, replacement_, first && scheme_ != PrependScheme::Never ? "" : " ");
    return token;
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
};

class Replace final : public TokenDecoder {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Result<std::string> one(std::string token, bool /*first*/, const TimeBudget& budget) const override {
    if (pattern_.surely_absent(token)) return token;
    return pattern_.replace(token, content_, budget);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Strip final : public TokenDecoder {
 public:
  explicit Strip(const StripCounts& counts) : counts_(counts) { append_utf8(content_, counts.content); }
  Result<std::string> one(std::string token, bool /*first*/, const TimeBudget& /*budget*/) const override {
    std::string_view rest = token;
    for (std::size_t i = 0; i < counts_.start && rest.starts_with(content_); ++i)
      rest.remove_prefix(content_.size());
    for (std::size_t i = 0; i < counts_.stop && rest.ends_with(content_); ++i)
      rest.remove_suffix(content_.size());
    return std::string(rest);
  }
  const StripCounts& counts() const noexcept { return counts_; }

 private:
  StripCounts counts_;
  std::string content_;
};

class WordPiece final : public TokenDecoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  Result<std::string> one(std::string token, bool first, const TimeBudget& /*budget*/) const override {
    if (!first) {
      if (token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else {
        token.insert(0, " ");
      }
    }
    if (cleanup_) clean_up(token);
    return token;
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class Joining final : public TokenDecoder {
 public:
  Result<std::string> one(std::string token, bool first, const TimeBudget& /*budget*/) const override {
    if (!first) token.insert(0, " ");
    return token;
  }
};

}  // namespace

int byte_of_token(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  int byte = -1;
  // Rust's parser takes a sign; so does this one, of a digit that follows.
  const char* begin = token.data() + (token[3] == '+' ? 4 : 3);
  const auto [end, error] = std::from_chars(begin, token.data() + 5, byte, 16);
  return error == std::errc() && end == token.data() + 5 && byte >= 0 ? byte : -1;
}

void append_token_bytes(std::string& out, std::string_view token) {
  if (!append_from_byte_level(out, token)) out += token;
}

DecoderPointer make_bpe_decoder(std::string suffix) {
  return std::make_unique<BpeSuffix>(std::move(suffix));
}
DecoderPointer make_byte_fallback_decoder() {
  return std::make_unique<ByteFallback>();
}
DecoderPointer make_byte_level_decoder() {
  return std::make_unique<ByteLevel>();
}
DecoderPointer make_ctc_decoder(std::string pad_token, std::string word_delimiter, bool cleanup) {
  return std::make_unique<Ctc>(std::move(pad_token), std::move(word_delimiter), cleanup);
}
DecoderPointer make_fuse_decoder() {
  return std::make_unique<Fuse>();
}
DecoderPointer make_metaspace_decoder(char32_t replacement, PrependScheme scheme) {
  return std::make_unique<Metaspace>(replacement, scheme);
}
DecoderPointer make_replace_decoder(Pattern pattern, std::string content) {
  return std::make_unique<Replace>(std::move(pattern), std::move(content));
}
DecoderPointer make_strip_decoder(const StripCounts& counts) {
  return std::make_unique<Strip>(counts);
}
DecoderPointer make_word_piece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPiece>(std::move(prefix), cleanup);
}
DecoderPointer make_joining_decoder() {
  return std::make_unique<Joining>();
}

const StripCounts* strip_counts(const Decoder& decoder) noexcept {
  const auto* strip = dynamic_cast<const Strip*>(&decoder);
  return strip == nullptr ? nullptr : &strip->counts();
}

}  // namespace minerva::tokenizers
