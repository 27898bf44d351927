#include "text/tokenizer/hf_tokenizer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/stream_decoder.h"

namespace minerva::tokenizers {

namespace {

constexpr std::size_t kScratchesKept = 8;
constexpr std::size_t kScratchBytesKept = std::size_t{16} << 20U;

std::unexpected<Error> unknown_id(TokenId id, std::size_t size) {
  return invalid_request(fmt::format("token id {} is outside the vocabulary of {} tokens", id, size),
                         "Use ids that this model's tokenizer made.");
}

}  // namespace

Result<TokenId> Pipeline::add_token(AddedToken token) {
  if (token.content.size() > limits::kAddedTokenBytesMax) {
    return model_loading(fmt::format("the added token {} has {} bytes, more than {}", quoted(token.content),
                                     token.content.size(), limits::kAddedTokenBytesMax),
                         kDownloadAgain);
  }
  auto id = added.id_of(token.content);
  if (!id) id = model->vocabulary().find(token.content);
  if (!id) {
    if (!next_id_) {
      const auto entries = static_cast<TokenId>(model->entry_count());
      const auto largest = added.largest_id();
      next_id_ = largest && (*largest >= entries || entries == 0) ? *largest + 1 : entries;
    }
    id = (*next_id_)++;
  }
  if (*id > kTokenIdMax) {
    return model_loading(fmt::format("the added token {} would have the id {}", quoted(token.content), *id),
                         kDownloadAgain);
  }
  std::string normalized = token.content;
  if (token.normalized && normalizer != nullptr) {
    NormalizedText text{.text = token.content};
    MINERVA_TRY(normalizer->apply(text, TimeBudget::start()));
    normalized = std::move(text.text);
  }
  added.add(std::move(token), *id, std::move(normalized));
  return *id;
}

HfTokenizer::HfTokenizer(Pipeline pipeline, SpecialIds special)
    : pipeline_(std::move(pipeline)), special_(std::move(special)) {
  const Vocabulary& vocabulary = pipeline_.model->vocabulary();
  if (vocabulary.byte_level() && pipeline_.pre_tokenizer != nullptr)
    scanner_ = pipeline_.pre_tokenizer->scanner();
  decodes_bytes_ = vocabulary.byte_level() && pipeline_.decoders.size() == 1 &&
                   pipeline_.decoders[0]->scope() == Decoder::Scope::FuseBytes;
  const TokenId largest = pipeline_.added.largest_id().value_or(-1);
  vocabulary_size_ = std::max(vocabulary.size(), static_cast<std::size_t>(largest + 1));
}

HfTokenizer::~HfTokenizer() = default;

std::unique_ptr<Scratch> HfTokenizer::borrow_scratch() const {
  {
    const std::scoped_lock lock(mutex_);
    if (!free_.empty()) {
      auto scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>();
}

void HfTokenizer::give_back(std::unique_ptr<Scratch> scratch) const {
  if (scratch->bytes() > kScratchBytesKept) return;
  const std::scoped_lock lock(mutex_);
  if (free_.size() < kScratchesKept) free_.push_back(std::move(scratch));
}

/// Encodes one text.
class HfTokenizer::Encoder {
 public:
  Encoder(const HfTokenizer& tokenizer, Scratch& scratch, bool parse_special, std::vector<TokenId>& out)
      : tokenizer_(tokenizer),
        pipeline_(tokenizer.pipeline_),
        scratch_(scratch),
        parse_special_(parse_special),
        out_(out) {}

  Result<void> run(std::string_view text) {
    std::vector<AddedTokens::Part> parts;
    pipeline_.added.find(text, /*normalized=*/false, parse_special_, parts);
    for (const auto& part : parts) {
      if (part.id) {
        out_.push_back(*part.id);
      } else {
        MINERVA_TRY(segment(text.substr(part.begin, part.end - part.begin), part.begin == 0));
      }
    }
    return {};
  }

 private:
  Result<void> segment(std::string_view text, bool at_start) {
    if (pipeline_.normalizer == nullptr || pipeline_.normalizer->leaves_alone(text)) {
      return normalized(text, at_start);
    }
    NormalizedText changed{.text = std::string(text)};
    MINERVA_TRY(pipeline_.normalizer->apply(changed, budget_));
    if (changed.text.size() > limits::kTokenizerExpandedBytesMax) return too_much_text();
    return normalized(changed.text, at_start && changed.keeps_start);
  }

  Result<void> normalized(std::string_view text, bool at_start) {
    std::vector<AddedTokens::Part> parts;
    pipeline_.added.find(text, /*normalized=*/true, parse_special_, parts);
    for (const auto& part : parts) {
      if (part.id) {
        out_.push_back(*part.id);
      } else {
        MINERVA_TRY(plain(text.substr(part.begin, part.end - part.begin), at_start && part.begin == 0));
      }
    }
    return {};
  }

  Result<void> plain(std::string_view text, bool at_start) {
    const TokenModel& model = *pipeline_.model;
    if (tokenizer_.scanner_ != nullptr) {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = tokenizer_.scanner_(text, at);
        MINERVA_TRY(model.encode(text.substr(at, end - at), scratch_, out_));
        at = end;
      }
      return {};
    }
    if (pipeline_.pre_tokenizer == nullptr) return model.encode(text, scratch_, out_);
    Pieces pieces;
    pieces.text = text;
    pieces.list.push_back({0, static_cast<std::uint32_t>(text.size())});
    pieces.first_at_start = at_start;
    MINERVA_TRY(pipeline_.pre_tokenizer->apply(pieces, budget_));
    for (std::size_t i = 0; i < pieces.list.size(); ++i) {
      MINERVA_TRY(model.encode(pieces[i], scratch_, out_));
    }
    return {};
  }

  const HfTokenizer& tokenizer_;
  const Pipeline& pipeline_;
  Scratch& scratch_;
  bool parse_special_;
  std::vector<TokenId>& out_;
  TimeBudget budget_ = TimeBudget::start();
};

Result<std::vector<TokenId>> HfTokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > limits::kTokenizerTextBytesMax) {
    return invalid_request(fmt::format("the text has {} bytes, more than the limit of {}", text.size(),
                                       limits::kTokenizerTextBytesMax),
                           "Shorten the text.");
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return invalid_request("the text is not valid UTF-8", "Send text in UTF-8.");
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 8);
  auto scratch = borrow_scratch();
  const auto done = Encoder(*this, *scratch, options.parse_special, ids).run(text);
  give_back(std::move(scratch));
  if (!done) return std::unexpected(done.error());
  if (pipeline_.post_processor == nullptr) return ids;
  Encodings encodings(1);
  encodings[0] = std::move(ids);
  if (!pipeline_.post_processor->apply(encodings, options.add_special)) {
    return internal_error("the post-processor does not take one text");
  }
  if (encodings.size() == 1) return std::move(encodings[0]);
  std::vector<TokenId> joined;
  for (const auto& list : encodings) joined.insert(joined.end(), list.begin(), list.end());
  return joined;
}

std::optional<std::string> HfTokenizer::token_text(TokenId id) const {
  if (const auto text = pipeline_.added.decoded_text(id)) return std::string(*text);
  const Vocabulary& vocabulary = pipeline_.model->vocabulary();
  return vocabulary.has(id) ? std::optional(vocabulary.text(id)) : std::nullopt;
}

std::optional<std::string> HfTokenizer::decode_byte_level(std::span<const TokenId> ids,
                                                          bool skip_special) const {
  const Vocabulary& vocabulary = pipeline_.model->vocabulary();
  std::string bytes;
  for (const TokenId id : ids) {
    if (const auto text = pipeline_.added.decoded_text(id)) {
      if (!skip_special || !pipeline_.added.is_special_text(*text)) append_token_bytes(bytes, *text);
    } else {
      bytes += vocabulary.key(id);
    }
  }
  if (!simdjson::validate_utf8(bytes.data(), bytes.size())) {
    Utf8Stream characters;
    std::string text = characters.push(bytes);
    text += characters.finish();
    return text;
  }
  return bytes;
}

Result<std::string> HfTokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  for (const TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary_size_) return unknown_id(id, vocabulary_size_);
  }
  if (decodes_bytes_) return *decode_byte_level(ids, skip_special);
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    auto text = token_text(id);
    if (!text || (skip_special && pipeline_.added.is_special_text(*text))) continue;
    tokens.push_back(std::move(*text));
  }
  const TimeBudget budget = TimeBudget::start();
  for (const auto& step : pipeline_.decoders) MINERVA_TRY(step->apply(tokens, budget));
  return std::accumulate(tokens.begin(), tokens.end(), std::string());
}

std::string HfTokenizer::token_bytes(TokenId id, bool render_special) const {
  auto text = token_text(id);
  if (!text) return {};
  if (is_special(id)) return render_special ? *text : std::string();
  // As in the middle of a text: no step sees a first token, and what strips the ends has nothing to do.
  const TimeBudget budget = TimeBudget::start();
  std::string token = std::move(*text);
  for (const auto& step : pipeline_.decoders) {
    switch (step->scope()) {
      case Decoder::Scope::FuseBytes: {
        std::string bytes;
        append_token_bytes(bytes, token);
        return bytes;
      }
      case Decoder::Scope::Fuse:
        return token;
      case Decoder::Scope::ByteTokens:
        if (const int byte = byte_of_token(token); byte >= 0) token.assign(1, static_cast<char>(byte));
        break;
      case Decoder::Scope::Token:
        token = step->one(std::move(token), /*first=*/false, budget).value_or(std::string());
        break;
      case Decoder::Scope::Everything: {
        // A token follows this one.
        std::vector<std::string> tokens = {std::move(token), std::string()};
        if (!step->apply(tokens, budget)) return {};
        token = tokens.empty() ? std::string() : std::move(tokens[0]);
        break;
      }
    }
  }
  return token;
}

namespace {

class HfTokenStream final : public TokenStream {
 public:
  HfTokenStream(const HfTokenizer& tokenizer, const DecoderChain& chain, bool skip_special)
      : tokenizer_(tokenizer), decoder_(chain), skip_special_(skip_special) {}

  Result<std::string> push(TokenId id) override {
    auto text = tokenizer_.token_text(id);
    if (!text || (skip_special_ && tokenizer_.is_special(id))) return std::string();
    return decoder_.push(std::move(*text));
  }
  Result<std::string> finish() override { return decoder_.finish(); }

 private:
  const HfTokenizer& tokenizer_;
  StreamDecoder decoder_;
  bool skip_special_;
};

}  // namespace

std::unique_ptr<TokenStream> HfTokenizer::stream(bool skip_special) const {
  return std::make_unique<HfTokenStream>(*this, pipeline_.decoders, skip_special);
}

bool HfTokenizer::is_special(TokenId id) const {
  const auto text = token_text(id);
  return text && pipeline_.added.is_special_text(*text);
}

std::string HfTokenizer::bos_text() const {
  return special_.bos ? token_text(*special_.bos).value_or("") : "";
}
std::string HfTokenizer::eos_text() const {
  return special_.eos ? token_text(*special_.eos).value_or("") : "";
}
std::vector<std::pair<std::string, std::string>> HfTokenizer::named_tokens() const {
  auto named = special_.named;
  for (auto& [name, text] : Tokenizer::named_tokens()) named.emplace(name, text);
  return {named.begin(), named.end()};
}

}  // namespace minerva::tokenizers
