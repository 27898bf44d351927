#include "text/tokenizer/model_json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/merges_json.h"
#include "text/tokenizer/unigram.h"
#include "text/tokenizer/wordpiece.h"

namespace minerva::tokenizers {

namespace {

Result<void> check_token(const JsonField& vocab, std::string_view token) {
  if (token.size() <= limits::kTokenBytesMax) return {};
  return vocab.error(fmt::format("a token has {} bytes, more than {}", token.size(), limits::kTokenBytesMax));
}

/// {"token": id, ...}
Result<Vocabulary> read_vocabulary(const JsonField& vocab, bool byte_level) {
  simdjson::dom::object object;
  if (vocab.value().get_object().get(object) != simdjson::SUCCESS)
    return vocab.expected("an object of tokens and ids");
  std::size_t tokens = 0;
  std::size_t bytes = 0;
  for (const auto member : object) {
    ++tokens;
    bytes += member.key.size();
  }
  Vocabulary vocabulary(byte_level);
  vocabulary.reserve(tokens, bytes);
  for (const auto member : object) {
    MINERVA_TRY(check_token(vocab, member.key));
    std::int64_t id = 0;
    if (!member.value.is_int64() || member.value.get_int64().get(id) != simdjson::SUCCESS || id < 0 ||
        id > kTokenIdMax) {
      return vocab.error(
          fmt::format("the id of {} should be an integer from 0 to {}", quoted(member.key), kTokenIdMax));
    }
    switch (vocabulary.add(member.key, static_cast<TokenId>(id))) {
      case Vocabulary::Added::Yes:
        break;
      case Vocabulary::Added::IdTaken:
        return vocab.error(fmt::format("{} and {} have the same id {}",
                                       quoted(vocabulary.text(static_cast<TokenId>(id))), quoted(member.key),
                                       id));
      case Vocabulary::Added::TooLarge:
        return vocab.error("the vocabulary is too large");
    }
  }
  vocabulary.build_index();
  return vocabulary;
}

Result<void> refuse_dropout(const JsonField& model) {
  const auto dropout = model.find("dropout");
  if (!dropout) return {};
  double value = 0;
  if (dropout->value().get_double().get(value) != simdjson::SUCCESS)
    return dropout->expected("a number or null");
  if (value == 0) return {};
  return dropout->error(fmt::format("dropout {} makes every encoding random, which is for training", value));
}

Result<std::unique_ptr<const TokenModel>> read_bpe(const JsonField& model, bool byte_level) {
  MINERVA_TRY(refuse_dropout(model));
  BpeOptions options;
  if (const auto unknown = model.find("unk_token")) {
    MINERVA_ASSIGN(options.unknown_token, unknown->bounded_string(limits::kTokenBytesMax));
  }
  MINERVA_ASSIGN(options.continuing_subword_prefix,
                 model.string_or("continuing_subword_prefix", "", limits::kTokenizerInsertBytesMax));
  MINERVA_ASSIGN(options.end_of_word_suffix,
                 model.string_or("end_of_word_suffix", "", limits::kTokenizerInsertBytesMax));
  MINERVA_ASSIGN(options.fuse_unknown, model.boolean_or("fuse_unk", false));
  MINERVA_ASSIGN(options.byte_fallback, model.boolean_or("byte_fallback", false));
  MINERVA_ASSIGN(options.ignore_merges, model.boolean_or("ignore_merges", false));
  MINERVA_ASSIGN(const JsonField vocab, model.field("vocab"));
  MINERVA_ASSIGN(Vocabulary vocabulary, read_vocabulary(vocab, byte_level));
  MINERVA_ASSIGN(const JsonField merges_field, model.field("merges"));
  MINERVA_ASSIGN(MergeTable merges, read_merges(merges_field, vocabulary, options));
  return std::make_unique<Bpe>(std::move(vocabulary), std::move(merges), std::move(options));
}

/// One ["piece", score] of a Unigram vocabulary.
Result<double> read_piece(const JsonField& vocab, const simdjson::dom::element& element, std::size_t index,
                          std::string_view& piece) {
  simdjson::dom::array pair;
  double score = 0;
  const bool is_pair = element.get_array().get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
                       pair.at(0).get_string().get(piece) == simdjson::SUCCESS &&
                       pair.at(1).get_double().get(score) == simdjson::SUCCESS;
  if (!is_pair)
    return vocab.error_at(fmt::format("[{}]", index), "expected a piece and its score, [\"a\", -1.5]");
  MINERVA_TRY(check_token(vocab, piece));
  return score;
}

Result<std::unique_ptr<const TokenModel>> read_unigram(const JsonField& model) {
  MINERVA_ASSIGN(const JsonField vocab, model.field("vocab"));
  simdjson::dom::array array;
  if (vocab.value().get_array().get(array) != simdjson::SUCCESS)
    return vocab.expected("an array of pieces and scores");
  Vocabulary vocabulary;
  std::vector<double> scores;
  std::size_t bytes = 0;
  for (const simdjson::dom::element element : array) {
    std::string_view piece;
    MINERVA_ASSIGN(const double score, read_piece(vocab, element, scores.size(), piece));
    bytes += piece.size();
    if (scores.size() > static_cast<std::size_t>(kTokenIdMax) || bytes > limits::kTokenizerExpandedBytesMax) {
      return vocab.error("the vocabulary is too large");
    }
    vocabulary.add(piece, static_cast<TokenId>(scores.size()));
    scores.push_back(score);
  }
  vocabulary.build_index();
  UnigramOptions options;
  if (const auto unknown = model.find("unk_id")) {
    if (scores.empty()) return vocab.error("the vocabulary is empty");
    MINERVA_ASSIGN(const auto id, unknown->integer(0, static_cast<std::int64_t>(scores.size()) - 1));
    options.unknown_id = static_cast<TokenId>(id);
  }
  MINERVA_ASSIGN(options.byte_fallback, model.boolean_or("byte_fallback", false));
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(scores), options);
}

Result<std::unique_ptr<const TokenModel>> read_word_piece(const JsonField& model) {
  WordPieceOptions options;
  MINERVA_ASSIGN(const JsonField unknown, model.field("unk_token"));
  MINERVA_ASSIGN(options.unknown_token, unknown.bounded_string(limits::kTokenBytesMax));
  MINERVA_ASSIGN(options.continuing_subword_prefix,
                 model.string_or("continuing_subword_prefix", "##", limits::kTokenizerInsertBytesMax));
  if (const auto most = model.find("max_input_chars_per_word")) {
    MINERVA_ASSIGN(const auto characters, most->integer(0, INT64_MAX));
    options.characters_per_word_max = static_cast<std::size_t>(characters);
  }
  MINERVA_ASSIGN(const JsonField vocab, model.field("vocab"));
  MINERVA_ASSIGN(Vocabulary vocabulary, read_vocabulary(vocab, false));
  return std::make_unique<WordPiece>(std::move(vocabulary), std::move(options));
}

Result<std::unique_ptr<const TokenModel>> read_word_level(const JsonField& model) {
  MINERVA_ASSIGN(const JsonField unknown, model.field("unk_token"));
  MINERVA_ASSIGN(std::string unknown_token, unknown.bounded_string(limits::kTokenBytesMax));
  MINERVA_ASSIGN(const JsonField vocab, model.field("vocab"));
  MINERVA_ASSIGN(Vocabulary vocabulary, read_vocabulary(vocab, false));
  return std::make_unique<WordLevel>(std::move(vocabulary), std::move(unknown_token));
}

/// Files from before 2021 don't name the type: their fields do.
Result<std::string> type_of(const JsonField& model) {
  if (!model.is_object()) return model.expected("an object");
  if (const auto type = model.find("type")) {
    MINERVA_ASSIGN(const auto name, type->string());
    return std::string(name);
  }
  if (model.find("merges")) return "BPE";
  const auto vocab = model.find("vocab");
  if (vocab && vocab->is_array()) return "Unigram";
  return model.find("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

}  // namespace

Result<std::unique_ptr<const TokenModel>> read_model(const JsonField& model, bool byte_level) {
  MINERVA_ASSIGN(const std::string type, type_of(model));
  if (type == "BPE") return read_bpe(model, byte_level);
  if (type == "Unigram") return read_unigram(model);
  if (type == "WordPiece") return read_word_piece(model);
  if (type == "WordLevel") return read_word_level(model);
  return model.error(fmt::format(
      "the type {} is unknown: BPE, Unigram, WordPiece and WordLevel are supported", quoted(type)));
}

bool may_be_byte_level(const JsonField& model) {
  const auto type = type_of(model);
  if (!type || *type != "BPE") return false;
  const auto is_empty = [&](std::string_view name) {
    const auto field = model.find(name);
    return !field || field->string().value_or("?").empty();
  };
  return is_empty("continuing_subword_prefix") && is_empty("end_of_word_suffix");
}

}  // namespace minerva::tokenizers
