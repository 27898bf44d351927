#include "text/tokenizer/tokenizer.h"

#include "text/utf8.h"

namespace minerva {

namespace {

class ByteStream final : public TokenStream {
 public:
  ByteStream(const Tokenizer& tokenizer, bool skip_special)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}
  Result<std::string> push(TokenId id) override {
    if (id < 0 || static_cast<std::size_t>(id) >= tokenizer_.vocabulary_size()) return std::string();
    return characters_.push(tokenizer_.token_bytes(id, !skip_special_));
  }
  Result<std::string> finish() override { return characters_.finish(); }

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  Utf8Stream characters_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> Tokenizer::named_tokens() const {
  std::vector<std::pair<std::string, std::string>> named;
  if (bos()) named.emplace_back("bos_token", bos_text());
  if (eos()) named.emplace_back("eos_token", eos_text());
  return named;
}

std::unique_ptr<TokenStream> Tokenizer::stream(bool skip_special) const {
  return std::make_unique<ByteStream>(*this, skip_special);
}

}  // namespace minerva
