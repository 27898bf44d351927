#include "text/tokenizer/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "text/tokenizer/utf8_codec.h"

namespace minerva::tokenizers {

namespace {

/// An unknown character counts as much worse than the least likely piece.
constexpr double kUnknownPenalty = 10.0;

PieceTrie make_trie(const Vocabulary& vocabulary) {
  std::vector<PieceTrie::Entry> entries;
  entries.reserve(vocabulary.size());
  for (TokenId id = 0; static_cast<std::size_t>(id) < vocabulary.size(); ++id) {
    if (vocabulary.has(id)) entries.emplace_back(vocabulary.key(id), id);
  }
  return PieceTrie(std::move(entries));
}

}  // namespace

Unigram::Unigram(Vocabulary vocabulary, std::vector<double> scores, UnigramOptions options)
    : TokenModel(std::move(vocabulary)),
      scores_(std::move(scores)),
      options_(options),
      trie_(make_trie(vocabulary_)) {
  const double lowest = scores_.empty() ? std::numeric_limits<double>::infinity() : std::ranges::min(scores_);
  unknown_score_ = lowest - kUnknownPenalty;
  for (unsigned byte = 0; byte < 256; ++byte) {
    byte_ids_.push_back(vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  }
}

Result<void> Unigram::find_best_path(std::string_view piece, Scratch& scratch) const {
  auto& path = scratch.path;
  path.assign(piece.size() + 1, {});
  const auto offer = [&](std::size_t start, std::size_t end, double score, TokenId id) {
    auto& node = path[end];
    if (node.start >= 0 && score <= node.score) return;
    node = {score, static_cast<std::int32_t>(start), id};
  };
  for (std::size_t start = 0; start < piece.size();) {
    const double score = path[start].score;
    const std::size_t character = utf8_length(static_cast<unsigned char>(piece[start]));
    bool has_character = false;
    trie_.prefixes(piece.substr(start), [&](std::size_t length, TokenId id) {
      offer(start, start + length, scores_[static_cast<std::size_t>(id)] + score, id);
      has_character |= length == character;
    });
    const auto& after = path[start + character];
    const double unknown_score = unknown_score_ + score;
    if (!has_character && (after.start < 0 || unknown_score > after.score)) {
      if (!options_.unknown_id) {
        return model_loading(
            "tokenizer: model.unk_id is missing, and the text has a character that the vocabulary lacks",
            "Check model.unk_id in tokenizer.json, or download the file again.");
      }
      offer(start, start + character, unknown_score, *options_.unknown_id);
    }
    start += character;
  }
  return {};
}

Result<void> Unigram::append_ids(std::string_view piece, std::vector<TokenId>& out) const {
  if (const auto id = vocabulary_.find_key(piece)) {
    out.push_back(*id);
    return {};
  }
  const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (options_.byte_fallback && std::ranges::none_of(piece, [&](char byte) { return byte_id(byte) < 0; })) {
    for (const char byte : piece) out.push_back(byte_id(byte));
    return {};
  }
  out.push_back(options_.unknown_id.value_or(0));
  return {};
}

Result<void> Unigram::encode(std::string_view piece, Scratch& scratch, std::vector<TokenId>& out) const {
  if (piece.empty()) return {};
  const std::uint64_t hash = hash_bytes(piece);
  if (const auto known = scratch.words.find(piece, hash); !known.empty()) {
    out.insert(out.end(), known.begin(), known.end());
    return {};
  }
  MINERVA_TRY(find_best_path(piece, scratch));
  // Backwards from the end; unknown pieces side by side count as one.
  scratch.spans.clear();
  bool was_unknown = false;
  for (std::size_t end = piece.size(); end > 0;) {
    const auto& node = scratch.path[end];
    const bool unknown = node.id == options_.unknown_id;
    if (unknown && was_unknown) {
      scratch.spans.back().first = static_cast<std::uint32_t>(node.start);
    } else {
      scratch.spans.emplace_back(static_cast<std::uint32_t>(node.start), static_cast<std::uint32_t>(end));
    }
    was_unknown = unknown;
    end = static_cast<std::size_t>(node.start);
  }
  const std::size_t before = out.size();
  for (auto span = scratch.spans.rbegin(); span != scratch.spans.rend(); ++span) {
    MINERVA_TRY(append_ids(piece.substr(span->first, span->second - span->first), out));
  }
  scratch.words.put(piece, hash, std::span(out).subspan(before));
  return {};
}

}  // namespace minerva::tokenizers
