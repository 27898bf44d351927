#include "convert/sentencepiece_parts.h"

#include <fmt/format.h>

#include <vector>

#include "base/limits.h"

namespace minerva::convert {
namespace {

using tokenizers::JsonField;

constexpr std::string_view kMarker = "\xe2\x96\x81";

SentencePieceParts unknown(std::string what) {
  return {.known = false, .why_not = std::move(what), .note = {}};
}

/// A part, or the parts of a Sequence.
Result<std::vector<JsonField>> parts_of(const std::optional<JsonField>& field, std::string_view list) {
  std::vector<JsonField> parts;
  if (!field) return parts;
  MINERVA_ASSIGN(const std::string type, field->string_or("type", "", 64));
  if (type != "Sequence") return std::vector{*field};
  MINERVA_ASSIGN(const JsonField inner, field->field(list));
  return inner.elements(limits::kTokenizerPartCountMax);
}

/// Replaces each space by the marker.
bool replaces_spaces(const JsonField& part) {
  const auto pattern = part.find("pattern");
  const auto content = part.string_or("content", "", 64);
  if (!pattern || !content || *content != kMarker) return false;
  const auto text = pattern->string_or("String", "", 64);
  return text && *text == " ";
}

/// Cuts behind each space: nothing, once spaces are markers.
bool splits_at_spaces(const JsonField& part) {
  const auto pattern = part.find("pattern");
  if (!pattern) return false;
  const auto text = pattern->string_or("String", "", 64);
  return text && *text == " ";
}

}  // namespace

Result<SentencePieceParts> recognise_sentencepiece(const JsonField& root) {
  SentencePieceParts parts;
  bool marks_spaces = false;
  MINERVA_ASSIGN(const auto normalizers, parts_of(root.find("normalizer"), "normalizers"));
  for (const JsonField& part : normalizers) {
    MINERVA_ASSIGN(const std::string type, part.string_or("type", "", 64));
    if (type == "Prepend") {
      MINERVA_ASSIGN(const std::string text, part.string_or("prepend", "", 64));
      if (text != kMarker) return unknown("its normalizer puts something else than a space before a text");
      parts.space_prefix = true;
      parts.prepends = true;
    } else if (type == "Replace" && replaces_spaces(part)) {
      marks_spaces = true;
    } else {
      return unknown(fmt::format("it has a normalizer that SentencePiece has not ({})", type));
    }
  }
  MINERVA_ASSIGN(const auto pre_tokenizers, parts_of(root.find("pre_tokenizer"), "pretokenizers"));
  for (const JsonField& part : pre_tokenizers) {
    MINERVA_ASSIGN(const std::string type, part.string_or("type", "", 64));
    if (type == "Metaspace") {
      MINERVA_ASSIGN(const std::string scheme, part.string_or("prepend_scheme", "always", 64));
      MINERVA_ASSIGN(const bool split, part.boolean_or("split", true));
      marks_spaces = true;
      parts.space_prefix = parts.space_prefix || scheme != "never";
      if (scheme == "first") parts.note = "llama.cpp also puts a space before text behind a special token";
      if (split) parts.note = "llama.cpp does not cut at spaces before it joins pieces";
    } else if (type != "Split" || !marks_spaces || !splits_at_spaces(part)) {
      return unknown(fmt::format("it has a pre_tokenizer that SentencePiece has not ({})", type));
    }
  }
  if (!marks_spaces) return unknown("it does not turn spaces into SentencePiece's marker");
  parts.known = true;
  return parts;
}

}  // namespace minerva::convert
