#include "text/tokenizer/stream_decoder.h"

#include <numeric>
#include <utility>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

StreamDecoder::StreamDecoder(const DecoderChain& chain) : chain_(chain) {
  bool fused = false;
  for (const auto& step : chain) {
    Stage stage{.decoder = step.get(), .fused = fused};
    const Decoder::Scope scope = step->scope();
    const bool works_fused = strip_counts(*step) != nullptr || scope == Decoder::Scope::Fuse;
    if (scope == Decoder::Scope::Everything || (fused && !works_fused)) needs_everything_ = true;
    fused |= scope == Decoder::Scope::Fuse || scope == Decoder::Scope::FuseBytes;
    stages_.push_back(std::move(stage));
  }
}

Result<std::string> StreamDecoder::push(std::string token) {
  if (needs_everything_) {
    tokens_.push_back(std::move(token));
    return std::string();
  }
  budget_ = TimeBudget::start();
  MINERVA_TRY(feed(0, std::move(token)));
  return std::exchange(out_, {});
}

Result<std::string> StreamDecoder::finish() {
  budget_ = TimeBudget::start();
  if (needs_everything_) {
    for (const auto& step : chain_) MINERVA_TRY(step->apply(tokens_, budget_));
    return std::accumulate(tokens_.begin(), tokens_.end(), std::string());
  }
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) MINERVA_TRY(end(stage));
  return std::exchange(out_, {});
}

Result<void> StreamDecoder::feed(std::size_t index, std::string token) {
  if (index == stages_.size()) {
    out_ += token;
    return {};
  }
  Stage& stage = stages_[index];
  switch (stage.decoder->scope()) {
    case Decoder::Scope::Token: {
      if (stage.fused) {
        if (const StripCounts* counts = strip_counts(*stage.decoder)) {
          return feed_strip(index, *counts, std::move(token));
        }
      }
      const bool first = !std::exchange(stage.began, true);
      MINERVA_ASSIGN(std::string decoded, stage.decoder->one(std::move(token), first, budget_));
      return feed(index + 1, std::move(decoded));
    }
    case Decoder::Scope::ByteTokens:
      if (const int byte = byte_of_token(token); byte >= 0) {
        stage.bytes.push_back(static_cast<char>(byte));
        return {};
      }
      MINERVA_TRY(flush_bytes(index));
      return feed(index + 1, std::move(token));
    case Decoder::Scope::FuseBytes: {
      std::string bytes;
      append_token_bytes(bytes, token);
      return feed(index + 1, stage.characters.push(bytes));
    }
    case Decoder::Scope::Fuse:
    case Decoder::Scope::Everything:
      return feed(index + 1, std::move(token));
  }
  return {};
}

Result<void> StreamDecoder::flush_bytes(std::size_t index) {
  const std::string bytes = std::exchange(stages_[index].bytes, {});
  if (bytes.empty()) return {};
  if (is_valid_utf8(bytes)) return feed(index + 1, bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    MINERVA_TRY(feed(index + 1, std::string(kReplacementCharacter)));
  }
  return {};
}

Result<void> StreamDecoder::feed_strip(std::size_t index, const StripCounts& counts, std::string_view rest) {
  Stage& stage = stages_[index];
  std::string content;
  append_utf8(content, counts.content);
  while (!stage.in_text && !rest.empty()) {
    if (stage.stripped < counts.start && rest.starts_with(content)) {
      rest.remove_prefix(content.size());
      ++stage.stripped;
    } else {
      stage.in_text = true;
    }
  }
  stage.tail += rest;
  // Keep back as many characters at the end as may have to go.
  std::size_t keep = 0;
  for (std::size_t i = 0; i < counts.stop; ++i) {
    if (!std::string_view(stage.tail).substr(0, stage.tail.size() - keep).ends_with(content)) break;
    keep += content.size();
  }
  std::string certain = stage.tail.substr(0, stage.tail.size() - keep);
  stage.tail.erase(0, certain.size());
  return certain.empty() ? Result<void>() : feed(index + 1, std::move(certain));
}

Result<void> StreamDecoder::end(std::size_t index) {
  Stage& stage = stages_[index];
  if (stage.decoder->scope() == Decoder::Scope::ByteTokens) return flush_bytes(index);
  if (stage.decoder->scope() == Decoder::Scope::FuseBytes) return feed(index + 1, stage.characters.finish());
  return {};
}

}  // namespace minerva::tokenizers
