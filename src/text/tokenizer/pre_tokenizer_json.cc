#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/parts_json.h"

namespace minerva::tokenizers {

namespace {

Result<SplitBehavior> read_behavior(const JsonField& field) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kBehaviors = {
      {{"Removed", SplitBehavior::Removed},
       {"Isolated", SplitBehavior::Isolated},
       {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
       {"MergedWithNext", SplitBehavior::MergedWithNext},
       {"Contiguous", SplitBehavior::Contiguous}}};
  MINERVA_ASSIGN(const std::string_view name, field.string());
  for (const auto& [known, behavior] : kBehaviors) {
    if (name == known) return behavior;
  }
  return field.error(fmt::format("the behavior {} is unknown", quoted(name)));
}

Result<PreTokenizerPointer> read_split(const JsonField& field) {
  MINERVA_ASSIGN(Pattern pattern, read_pattern(field));
  MINERVA_ASSIGN(const JsonField behavior_field, field.field("behavior"));
  MINERVA_ASSIGN(const SplitBehavior behavior, read_behavior(behavior_field));
  MINERVA_ASSIGN(const bool invert, field.boolean_or("invert", false));
  return make_split_pre_tokenizer(std::move(pattern), behavior, invert);
}

Result<PreTokenizerPointer> read_punctuation(const JsonField& field) {
  const auto behavior = field.find("behavior");
  if (!behavior) return make_punctuation_pre_tokenizer(SplitBehavior::Isolated);
  MINERVA_ASSIGN(const SplitBehavior value, read_behavior(*behavior));
  return make_punctuation_pre_tokenizer(value);
}

Result<PreTokenizerPointer> read_byte_level(const JsonField& field, bool byte_level) {
  MINERVA_ASSIGN(const JsonField prefix_field, field.field("add_prefix_space"));
  MINERVA_ASSIGN(const bool add_prefix_space, prefix_field.boolean());
  MINERVA_ASSIGN(const bool use_regex, field.boolean_or("use_regex", true));
  return make_byte_level_pre_tokenizer(add_prefix_space, use_regex, !byte_level);
}

struct MetaspaceFields {
  char32_t replacement = 0;
  PrependScheme scheme = PrependScheme::Always;
  bool split = true;
};

Result<PrependScheme> read_scheme(const JsonField& field) {
  MINERVA_ASSIGN(const std::string_view name, field.string());
  if (name == "first") return PrependScheme::First;
  if (name == "never") return PrependScheme::Never;
  if (name == "always") return PrependScheme::Always;
  return field.error(fmt::format("expected \"first\", \"never\" or \"always\", found {}", quoted(name)));
}

/// As pre-tokenizer and as decoder the same fields.
Result<MetaspaceFields> read_metaspace(const JsonField& field) {
  MetaspaceFields fields;
  MINERVA_ASSIGN(const JsonField replacement, field.field("replacement"));
  MINERVA_ASSIGN(fields.replacement, replacement.character());
  if (const auto scheme = field.find("prepend_scheme")) {
    MINERVA_ASSIGN(fields.scheme, read_scheme(*scheme));
  }
  // Older files say it with a flag.
  MINERVA_ASSIGN(const bool add_prefix_space, field.boolean_or("add_prefix_space", true));
  if (!add_prefix_space) {
    if (field.find("prepend_scheme") && fields.scheme != PrependScheme::Never) {
      return field.error("add_prefix_space is false, but prepend_scheme is not \"never\"");
    }
    fields.scheme = PrependScheme::Never;
  }
  MINERVA_ASSIGN(fields.split, field.boolean_or("split", true));
  return fields;
}

Result<PreTokenizerPointer> read_fixed_length(const JsonField& field) {
  const auto length = field.find("length");
  if (!length) return make_fixed_length_pre_tokenizer(5);
  MINERVA_ASSIGN(const auto characters, length->integer(1, INT32_MAX));
  return make_fixed_length_pre_tokenizer(static_cast<std::size_t>(characters));
}

Result<PreTokenizerPointer> read_sequence(const JsonField& field, bool byte_level, int depth) {
  if (depth >= limits::kTokenizerPartDepthMax) return field.error("sequences are nested too deeply");
  MINERVA_ASSIGN(const JsonField list, field.field("pretokenizers"));
  MINERVA_ASSIGN(const auto elements, list.elements(limits::kTokenizerPartCountMax));
  std::vector<PreTokenizerPointer> parts;
  for (const JsonField& element : elements) {
    MINERVA_ASSIGN(PreTokenizerPointer part, read_pre_tokenizer(element, byte_level, depth + 1));
    parts.push_back(std::move(part));
  }
  return make_pre_tokenizer_sequence(std::move(parts));
}

}  // namespace

Result<PreTokenizerPointer> read_pre_tokenizer(const JsonField& field, bool byte_level, int depth) {
  MINERVA_ASSIGN(const std::string type, read_type(field));
  if (type == "Sequence") return read_sequence(field, byte_level, depth);
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "ByteLevel") return read_byte_level(field, byte_level);
  if (type == "CharDelimiterSplit" || type == "Delimiter") {
    MINERVA_ASSIGN(const JsonField delimiter, field.field("delimiter"));
    MINERVA_ASSIGN(const char32_t character, delimiter.character());
    return make_delimiter_pre_tokenizer(character);
  }
  if (type == "Digits") {
    MINERVA_ASSIGN(const JsonField individual_field, field.field("individual_digits"));
    MINERVA_ASSIGN(const bool individual, individual_field.boolean());
    return make_digits_pre_tokenizer(individual);
  }
  if (type == "FixedLength") return read_fixed_length(field);
  if (type == "Metaspace") {
    MINERVA_ASSIGN(const MetaspaceFields fields, read_metaspace(field));
    return make_metaspace_pre_tokenizer(fields.replacement, fields.scheme, fields.split);
  }
  if (type == "Punctuation") return read_punctuation(field);
  if (type == "Split") return read_split(field);
  if (type == "UnicodeScripts") return make_unicode_scripts_pre_tokenizer();
  if (type == "Whitespace") return make_whitespace_pre_tokenizer();
  if (type == "WhitespaceSplit") return make_whitespace_split_pre_tokenizer();
  return field.error(fmt::format("the pre-tokenizer {} is unknown", quoted(type)));
}

bool ends_in_byte_level(const JsonField& pre_tokenizer) {
  const auto type = read_type(pre_tokenizer);
  if (!type) return false;
  if (*type == "ByteLevel") return true;
  if (*type != "Sequence") return false;
  const auto list = pre_tokenizer.find("pretokenizers");
  if (!list) return false;
  const auto elements = list->elements(limits::kTokenizerPartCountMax);
  if (!elements || elements->empty()) return false;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const auto inner = read_type((*elements)[i]);
    if (!inner || *inner == "Sequence") return false;
    const bool is_last = i + 1 == elements->size();
    if ((*inner == "ByteLevel") != is_last) return false;
  }
  return true;
}

namespace {

Result<DecoderPointer> read_strip_decoder(const JsonField& field) {
  StripCounts counts;
  MINERVA_ASSIGN(const JsonField content, field.field("content"));
  MINERVA_ASSIGN(counts.content, content.character());
  MINERVA_ASSIGN(const JsonField start_field, field.field("start"));
  MINERVA_ASSIGN(const auto start, start_field.integer(0, INT32_MAX));
  MINERVA_ASSIGN(const JsonField stop_field, field.field("stop"));
  MINERVA_ASSIGN(const auto stop, stop_field.integer(0, INT32_MAX));
  counts.start = static_cast<std::size_t>(start);
  counts.stop = static_cast<std::size_t>(stop);
  return make_strip_decoder(counts);
}

Result<DecoderPointer> read_ctc_decoder(const JsonField& field) {
  MINERVA_ASSIGN(std::string pad, field.string_or("pad_token", "<pad>", limits::kTokenizerInsertBytesMax));
  MINERVA_ASSIGN(std::string delimiter,
                 field.string_or("word_delimiter_token", "|", limits::kTokenizerInsertBytesMax));
  MINERVA_ASSIGN(const bool cleanup, field.boolean_or("cleanup", true));
  return make_ctc_decoder(std::move(pad), std::move(delimiter), cleanup);
}

Result<DecoderPointer> read_one_decoder(const JsonField& field, const std::string& type) {
  if (type == "BPEDecoder") {
    MINERVA_ASSIGN(std::string suffix, field.string_or("suffix", "</w>", limits::kTokenizerInsertBytesMax));
    return make_bpe_decoder(std::move(suffix));
  }
  if (type == "ByteFallback") return make_byte_fallback_decoder();
  if (type == "ByteLevel") return make_byte_level_decoder();
  if (type == "CTC") return read_ctc_decoder(field);
  if (type == "Fuse") return make_fuse_decoder();
  if (type == "Metaspace") {
    MINERVA_ASSIGN(const MetaspaceFields fields, read_metaspace(field));
    return make_metaspace_decoder(fields.replacement, fields.scheme);
  }
  if (type == "Replace") {
    MINERVA_ASSIGN(Pattern pattern, read_pattern(field));
    MINERVA_ASSIGN(const JsonField content_field, field.field("content"));
    MINERVA_ASSIGN(std::string content, content_field.bounded_string(limits::kTokenizerInsertBytesMax));
    return make_replace_decoder(std::move(pattern), std::move(content));
  }
  if (type == "Strip") return read_strip_decoder(field);
  if (type == "WordPiece") {
    MINERVA_ASSIGN(std::string prefix, field.string_or("prefix", "##", limits::kTokenizerInsertBytesMax));
    MINERVA_ASSIGN(const bool cleanup, field.boolean_or("cleanup", true));
    return make_word_piece_decoder(std::move(prefix), cleanup);
  }
  return field.error(fmt::format("the decoder {} is unknown", quoted(type)));
}

Result<void> append_decoders(const JsonField& field, DecoderChain& chain, int depth) {
  MINERVA_ASSIGN(const std::string type, read_type(field));
  if (type != "Sequence") {
    if (chain.size() >= limits::kTokenizerPartCountMax) return field.error("there are too many decoders");
    MINERVA_ASSIGN(DecoderPointer decoder, read_one_decoder(field, type));
    chain.push_back(std::move(decoder));
    return {};
  }
  if (depth >= limits::kTokenizerPartDepthMax) return field.error("sequences are nested too deeply");
  MINERVA_ASSIGN(const JsonField list, field.field("decoders"));
  MINERVA_ASSIGN(const auto elements, list.elements(limits::kTokenizerPartCountMax));
  for (const JsonField& element : elements) MINERVA_TRY(append_decoders(element, chain, depth + 1));
  return {};
}

}  // namespace

Result<DecoderChain> read_decoder(const JsonField& field) {
  DecoderChain chain;
  MINERVA_TRY(append_decoders(field, chain, 0));
  return chain;
}

}  // namespace minerva::tokenizers
