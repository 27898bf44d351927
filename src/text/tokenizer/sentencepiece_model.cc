#include "text/tokenizer/sentencepiece_model.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "formats/quote.h"
#include "formats/stand_in.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/hf_tokenizer.h"
#include "text/tokenizer/json_fields.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/unigram.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva {

namespace tokenizers {

namespace {

constexpr std::size_t kPieceBytesMax = 1024;

/// One field of a protocol buffer message.
struct WireField {
  std::uint32_t number = 0;
  std::uint64_t value = 0;  // varint or fixed
  std::string_view bytes;   // length-delimited
  bool is_bytes = false;
};

/// Reads the fields of a message one after the other.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }

  /// Nothing when the bytes are no field.
  std::optional<WireField> next() {
    const auto key = varint();
    if (!key || (*key >> 3U) == 0 || (*key >> 3U) > UINT32_MAX) return std::nullopt;
    WireField field;
    field.number = static_cast<std::uint32_t>(*key >> 3U);
    switch (*key & 7U) {
      case 0: {
        const auto value = varint();
        if (!value) return std::nullopt;
        field.value = *value;
        return field;
      }
      case 1:
        return fixed(field, 8);
      case 2: {
        const auto length = varint();
        if (!length || *length > rest_.size()) return std::nullopt;
        field.is_bytes = true;
        field.bytes = rest_.substr(0, static_cast<std::size_t>(*length));
        rest_.remove_prefix(static_cast<std::size_t>(*length));
        return field;
      }
      case 5:
        return fixed(field, 4);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<WireField> fixed(WireField field, std::size_t bytes) {
    if (rest_.size() < bytes) return std::nullopt;
    std::memcpy(&field.value, rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    return field;
  }
  std::string_view rest_;
};

class ModelParser {
 public:
  explicit ModelParser(const std::string& file) : file_(file) {}

  Result<SentencePieceModel> parse(std::string_view bytes) {
    if (is_tiktoken(bytes)) return other_kind("a tiktoken vocabulary");
    MINERVA_TRY(each_field(bytes, "the file", [&](const WireField& field) -> Result<void> {
      if (!field.is_bytes) return {};
      if (field.number == 1) return piece(field.bytes);
      if (field.number == 2) return trainer(field.bytes);
      if (field.number == 3) return normalizer(field.bytes);
      return {};
    }));
    if (model_.pieces.empty()) return error("it is no SentencePiece model: it has no pieces");
    if (model_.unknown_id < 0 || static_cast<std::size_t>(model_.unknown_id) >= model_.pieces.size()) {
      return error(fmt::format("trainer_spec.unk_id {} is outside the {} pieces", model_.unknown_id,
                               model_.pieces.size()));
    }
    return std::move(model_);
  }

 private:
  std::unexpected<Error> error(std::string_view what) const {
    return model_loading(fmt::format("{}: {}", file_, what), kDownloadAgain);
  }
  /// Nothing is wrong with the file.
  std::unexpected<Error> other_kind(std::string_view what) const {
    return model_loading(
        fmt::format("{} is {}, which Minerva does not read", quoted(file_), what),
        "SentencePiece models of the types BPE and Unigram are read, and tokenizer.json: download "
        "tokenizer.json too, if the model has one, or take another version of the model.");
  }

  /// Lines of a token in base64 and its rank, as Llama 3 has them under the name tokenizer.model.
  static bool is_tiktoken(std::string_view bytes) {
    constexpr std::size_t kLineBytesMax = 256;
    const std::string_view line = bytes.substr(0, std::min(bytes.find('\n'), kLineBytesMax));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space < 4 || space % 4 != 0) return false;
    const auto is_base64 = [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
             c == '/' || c == '=';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const std::string_view rank = line.substr(space + 1, std::min(line.find('\r'), line.size()) - space - 1);
    return !rank.empty() && std::ranges::all_of(line.substr(0, space), is_base64) &&
           std::ranges::all_of(rank, is_digit);
  }

  template <class OnField>
  Result<void> each_field(std::string_view bytes, std::string_view where, OnField&& on_field) {
    WireReader reader(bytes);
    while (!reader.at_end()) {
      const auto field = reader.next();
      if (!field)
        return error(fmt::format("{} is no SentencePiece model (a damaged protocol buffer)", where));
      MINERVA_TRY(on_field(*field));
    }
    return {};
  }

  Result<void> piece(std::string_view bytes) {
    const std::size_t id = model_.pieces.size();
    if (id > static_cast<std::size_t>(kTokenIdMax)) return error("it has too many pieces");
    SentencePieceModel::Piece made;
    MINERVA_TRY(each_field(bytes, fmt::format("piece {}", id), [&](const WireField& field) -> Result<void> {
      if (field.number == 1 && field.is_bytes) made.text = field.bytes;
      if (field.number == 2 && !field.is_bytes) {
        const auto bits = static_cast<std::uint32_t>(field.value);
        std::memcpy(&made.score, &bits, sizeof made.score);
      }
      if (field.number == 3 && !field.is_bytes) {
        if (field.value < 1 || field.value > 6)
          return error(fmt::format("piece {} has the unknown type {}", id, field.value));
        made.type = static_cast<SentencePieceModel::PieceType>(field.value);
      }
      return {};
    }));
    if (made.text.empty() || made.text.size() > kPieceBytesMax) {
      return error(
          fmt::format("piece {} has {} bytes, expected 1 to {}", id, made.text.size(), kPieceBytesMax));
    }
    if (!simdjson::validate_utf8(made.text.data(), made.text.size())) {
      return error(fmt::format("piece {} is not valid UTF-8", id));
    }
    if (!(made.score > -1e30F && made.score < 1e30F))
      return error(fmt::format("the score of piece {} is no number", id));
    model_.pieces.push_back(std::move(made));
    return {};
  }

  Result<void> trainer(std::string_view bytes) {
    return each_field(bytes, "trainer_spec", [&](const WireField& field) -> Result<void> {
      if (field.is_bytes) return {};
      const auto number = static_cast<std::int32_t>(field.value);
      switch (field.number) {
        case 3:
          if (number == 3 || number == 4) return other_kind(number == 3 ? "a WORD model" : "a CHAR model");
          if (number != 1 && number != 2) {
            return error(fmt::format("model_type {} is neither Unigram (1) nor BPE (2)", number));
          }
          model_.is_bpe = number == 2;
          break;
        case 35:
          model_.byte_fallback = number != 0;
          break;
        case 40:
          model_.unknown_id = number;
          break;
        case 41:
          model_.bos_id = number;
          break;
        case 42:
          model_.eos_id = number;
          break;
        default:
          break;
      }
      return {};
    });
  }

  Result<void> normalizer(std::string_view bytes) {
    return each_field(bytes, "normalizer_spec", [&](const WireField& field) -> Result<void> {
      if (field.number == 2 && field.is_bytes) model_.charsmap = field.bytes;
      if (field.number == 3 && !field.is_bytes) model_.add_dummy_prefix = field.value != 0;
      if (field.number == 4 && !field.is_bytes) model_.remove_extra_whitespaces = field.value != 0;
      return {};
    });
  }

  const std::string& file_;
  SentencePieceModel model_;
};

/// A merge for every way to cut a piece into two others, in the order of the pieces: what transformers makes
/// of such a vocabulary.
MergeTable make_merges(const SentencePieceModel& model, const Vocabulary& vocabulary,
                       const BpeOptions& options) {
  struct Found {
    TokenId left;
    TokenId right;
    TokenId merged;
  };
  std::vector<Found> all;
  MergeTable table;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    const std::string_view text = model.pieces[id].text;
    for (std::size_t cut = utf8_length(static_cast<unsigned char>(text[0])); cut < text.size();
         cut += utf8_length(static_cast<unsigned char>(text[cut]))) {
      const auto left = vocabulary.find_key(text.substr(0, cut));
      const auto right = left ? vocabulary.find_key(text.substr(cut)) : std::nullopt;
      if (!right) continue;
      all.push_back({*left, *right, static_cast<TokenId>(id)});
      table.note_strings(text.substr(0, cut), text.substr(cut), options);
    }
  }
  table.reserve(all.size());
  std::uint32_t rank = 0;
  for (const Found& merge : all) {
    table.add(merge.left, merge.right, {rank++, static_cast<std::uint32_t>(merge.merged)});
  }
  return table;
}

std::unique_ptr<const TokenModel> make_model(const SentencePieceModel& model) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const auto& piece : model.pieces) {
    vocabulary.add(piece.text, static_cast<TokenId>(scores.size()));
    scores.push_back(piece.score);
  }
  vocabulary.build_index();
  if (!model.is_bpe) {
    return std::make_unique<Unigram>(
        std::move(vocabulary), std::move(scores),
        UnigramOptions{.unknown_id = model.unknown_id, .byte_fallback = model.byte_fallback});
  }
  BpeOptions options;
  options.unknown_token = model.pieces[static_cast<std::size_t>(model.unknown_id)].text;
  options.fuse_unknown = true;
  options.byte_fallback = model.byte_fallback;
  MergeTable merges = make_merges(model, vocabulary, options);
  return std::make_unique<Bpe>(std::move(vocabulary), std::move(merges), std::move(options));
}

Result<NormalizerPointer> make_normalizer(const SentencePieceModel& model) {
  std::vector<NormalizerPointer> parts;
  if (!model.charsmap.empty()) {
    MINERVA_ASSIGN(NormalizerPointer map, make_precompiled_normalizer(model.charsmap));
    parts.push_back(std::move(map));
  }
  if (model.remove_extra_whitespaces) parts.push_back(make_single_spaces_normalizer());
  return parts.empty() ? nullptr : make_normalizer_sequence(std::move(parts));
}

constexpr char32_t kMarker = 0x2581;

Result<DecoderChain> make_decoders(const SentencePieceModel& model) {
  DecoderChain chain;
  std::string marker;
  append_utf8(marker, kMarker);
  MINERVA_ASSIGN(Pattern pattern, Pattern::literal(marker));
  chain.push_back(make_replace_decoder(std::move(pattern), " "));
  if (model.byte_fallback) chain.push_back(make_byte_fallback_decoder());
  chain.push_back(make_fuse_decoder());
  if (model.add_dummy_prefix) chain.push_back(make_strip_decoder({.content = ' ', .start = 1, .stop = 0}));
  return chain;
}

Result<Pipeline> make_pipeline(const SentencePieceModel& model) {
  Pipeline pipeline;
  pipeline.model = make_model(model);
  MINERVA_ASSIGN(pipeline.normalizer, make_normalizer(model));
  const PrependScheme scheme = model.add_dummy_prefix ? PrependScheme::First : PrependScheme::Never;
  pipeline.pre_tokenizer = make_metaspace_pre_tokenizer(kMarker, scheme, /*split=*/false);
  MINERVA_ASSIGN(pipeline.decoders, make_decoders(model));
  for (const auto& piece : model.pieces) {
    const bool special = piece.type == SentencePieceModel::PieceType::Control ||
                         piece.type == SentencePieceModel::PieceType::Unknown;
    if (!special && piece.type != SentencePieceModel::PieceType::UserDefined) continue;
    AddedToken token;
    token.content = piece.text;
    token.special = special;
    token.normalized = false;
    MINERVA_TRY(pipeline.add_token(std::move(token)));
  }
  return pipeline;
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes, const std::string& file) {
  return ModelParser(file).parse(bytes);
}

}  // namespace tokenizers

Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(const std::filesystem::path& model_file) {
  using namespace tokenizers;  // NOLINT(google-build-using-namespace)
  MINERVA_ASSIGN(const std::string bytes, read_model_file(model_file, limits::kTokenizerFileBytesMax));
  MINERVA_ASSIGN(const SentencePieceModel model,
                 parse_sentencepiece_model(bytes, model_file.filename().string()));
  MINERVA_ASSIGN(Pipeline pipeline, make_pipeline(model));
  MINERVA_ASSIGN(SpecialIds special, apply_companions(model_file.parent_path(), pipeline));
  const auto piece_id = [&](std::int32_t id) {
    return id >= 0 && static_cast<std::size_t>(id) < model.pieces.size() ? std::optional<TokenId>(id)
                                                                         : std::nullopt;
  };
  if (!special.bos) special.bos = piece_id(model.bos_id);
  if (!special.eos) special.eos = piece_id(model.eos_id);
  if (special.eos) special.end_of_generation.insert(*special.eos);

  MINERVA_TRY(put_around(model_file.parent_path(), special.bos, special.eos, pipeline));
  pipeline.added.finish();
  return std::make_shared<const HfTokenizer>(std::move(pipeline), std::move(special));
}

}  // namespace minerva
