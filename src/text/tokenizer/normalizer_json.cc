#include <fmt/format.h>

#include <array>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/parts_json.h"

namespace minerva::tokenizers {

namespace {

/// Standard base64 with padding. Nothing when it isn't.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const auto value_of = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
  };
  while (text.ends_with('=') && text.size() % 4 != 2) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((bits >> count) & 0xFFU));
    }
  }
  return out;
}

Result<NormalizerPointer> read_bert(const JsonField& field) {
  BertNormalizerOptions options;
  MINERVA_ASSIGN(options.clean_text, field.boolean_or("clean_text", true));
  MINERVA_ASSIGN(options.handle_chinese_chars, field.boolean_or("handle_chinese_chars", true));
  MINERVA_ASSIGN(options.lowercase, field.boolean_or("lowercase", true));
  MINERVA_ASSIGN(options.strip_accents, field.boolean_or("strip_accents", options.lowercase));
  return make_bert_normalizer(options);
}

Result<NormalizerPointer> read_precompiled(const JsonField& field) {
  MINERVA_ASSIGN(const JsonField map, field.field("precompiled_charsmap"));
  MINERVA_ASSIGN(const std::string_view text, map.string());
  const auto bytes = decode_base64(text);
  if (!bytes) return map.error("not valid base64");
  auto normalizer = make_precompiled_normalizer(*bytes);
  if (!normalizer) return map.wrapped(normalizer.error());
  return std::move(*normalizer);
}

Result<NormalizerPointer> read_replace(const JsonField& field) {
  MINERVA_ASSIGN(Pattern pattern, read_pattern(field));
  MINERVA_ASSIGN(const JsonField content_field, field.field("content"));
  MINERVA_ASSIGN(std::string content, content_field.bounded_string(limits::kTokenizerInsertBytesMax));
  return make_replace_normalizer(std::move(pattern), std::move(content));
}

Result<NormalizerPointer> read_strip(const JsonField& field) {
  MINERVA_ASSIGN(const JsonField left_field, field.field("strip_left"));
  MINERVA_ASSIGN(const bool left, left_field.boolean());
  MINERVA_ASSIGN(const JsonField right_field, field.field("strip_right"));
  MINERVA_ASSIGN(const bool right, right_field.boolean());
  return make_strip_normalizer(left, right);
}

Result<NormalizerPointer> read_sequence(const JsonField& field, int depth) {
  if (depth >= limits::kTokenizerPartDepthMax) return field.error("sequences are nested too deeply");
  MINERVA_ASSIGN(const JsonField list, field.field("normalizers"));
  MINERVA_ASSIGN(const auto elements, list.elements(limits::kTokenizerPartCountMax));
  std::vector<NormalizerPointer> parts;
  for (const JsonField& element : elements) {
    MINERVA_ASSIGN(NormalizerPointer part, read_normalizer(element, depth + 1));
    parts.push_back(std::move(part));
  }
  return make_normalizer_sequence(std::move(parts));
}

Result<NormalizerPointer> read_prepend(const JsonField& field) {
  MINERVA_ASSIGN(const JsonField prefix_field, field.field("prepend"));
  MINERVA_ASSIGN(std::string prefix, prefix_field.bounded_string(limits::kTokenizerInsertBytesMax));
  return make_prepend_normalizer(std::move(prefix));
}

}  // namespace

Result<std::string> read_type(const JsonField& field) {
  MINERVA_ASSIGN(const JsonField type, field.field("type"));
  return type.bounded_string(64);
}

Result<Pattern> read_pattern(const JsonField& owner) {
  MINERVA_ASSIGN(const JsonField field, owner.field("pattern"));
  if (const auto literal = field.find("String")) {
    MINERVA_ASSIGN(std::string text, literal->bounded_string(limits::kTokenizerInsertBytesMax));
    auto pattern = Pattern::literal(std::move(text));
    if (!pattern) return literal->wrapped(pattern.error());
    return pattern;
  }
  const auto regex = field.find("Regex");
  if (!regex) return field.error(R"(expected {"String": ...} or {"Regex": ...})");
  MINERVA_ASSIGN(const std::string_view expression, regex->string());
  auto pattern = Pattern::regex(expression);
  if (!pattern) return regex->wrapped(pattern.error());
  return pattern;
}

Result<NormalizerPointer> read_normalizer(const JsonField& field, int depth) {
  MINERVA_ASSIGN(const std::string type, read_type(field));
  if (type == "Sequence") return read_sequence(field, depth);
  if (type == "BertNormalizer" || type == "Bert") return read_bert(field);
  if (type == "ByteLevel") return make_byte_level_normalizer();
  if (type == "Lowercase") return make_lowercase_normalizer();
  if (type == "NFC") return make_normal_form_normalizer({.compatibility = false, .compose = true});
  if (type == "NFD") return make_normal_form_normalizer({.compatibility = false, .compose = false});
  if (type == "NFKC") return make_normal_form_normalizer({.compatibility = true, .compose = true});
  if (type == "NFKD") return make_normal_form_normalizer({.compatibility = true, .compose = false});
  if (type == "Nmt") return make_nmt_normalizer();
  if (type == "Precompiled") return read_precompiled(field);
  if (type == "Prepend") return read_prepend(field);
  if (type == "Replace") return read_replace(field);
  if (type == "Strip") return read_strip(field);
  if (type == "StripAccents") return make_strip_accents_normalizer();
  return field.error(fmt::format("the normalizer {} is unknown", quoted(type)));
}

bool has_byte_level(const JsonField& normalizer) {
  const auto type = read_type(normalizer);
  if (type && *type == "ByteLevel") return true;
  const auto list = normalizer.find("normalizers");
  if (!list) return false;
  const auto elements = list->elements(limits::kTokenizerPartCountMax);
  if (!elements) return false;
  for (const JsonField& element : *elements) {
    // Nested deeper than this is refused anyway.
    const auto inner = read_type(element);
    if (inner && (*inner == "ByteLevel" || *inner == "Sequence")) return true;
  }
  return false;
}

}  // namespace minerva::tokenizers
