#include <fmt/format.h>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/tokenizer/parts_json.h"
#include "text/tokenizer/vocabulary.h"

namespace minerva::tokenizers {

namespace {

/// ["[SEP]", 102]
Result<TokenId> read_surrounding(const JsonField& owner, std::string_view name) {
  MINERVA_ASSIGN(const JsonField field, owner.field(name));
  MINERVA_ASSIGN(const auto elements, field.elements(2));
  if (elements.size() != 2 || !elements[0].is_string()) return field.error("expected a token and its id");
  MINERVA_ASSIGN(const auto id, elements[1].integer(0, kTokenIdMax));
  return static_cast<TokenId>(id);
}

Result<std::vector<TokenId>> read_special_ids(const JsonField& special_tokens, std::string_view name) {
  // The name may have dots and brackets: no path, but a member looked up as it is.
  const auto special = special_tokens.find(name);
  if (!special)
    return special_tokens.error(fmt::format("the token {} of the template is missing", quoted(name)));
  MINERVA_ASSIGN(const JsonField ids_field, special->field("ids"));
  MINERVA_ASSIGN(const auto elements, ids_field.elements(limits::kTokenizerTemplateIdsMax));
  std::vector<TokenId> ids;
  for (const JsonField& element : elements) {
    MINERVA_ASSIGN(const auto id, element.integer(0, kTokenIdMax));
    ids.push_back(static_cast<TokenId>(id));
  }
  return ids;
}

Result<std::vector<TemplatePart>> read_template(const JsonField& owner, std::string_view name,
                                                const JsonField& special_tokens) {
  MINERVA_ASSIGN(const JsonField field, owner.field(name));
  MINERVA_ASSIGN(const auto elements, field.elements(limits::kTokenizerPartCountMax));
  std::vector<TemplatePart> parts;
  int texts = 0;
  for (const JsonField& element : elements) {
    TemplatePart part;
    if (const auto sequence = element.find("Sequence")) {
      MINERVA_ASSIGN(const JsonField id, sequence->field("id"));
      MINERVA_ASSIGN(const std::string_view text, id.string());
      if (text != "A" && text != "B")
        return id.error(fmt::format("expected \"A\" or \"B\", found {}", quoted(text)));
      part.text_index = text == "A" ? 0 : 1;
      if (++texts > 2) return element.error("a template has more than two texts");
    } else if (const auto special = element.find("SpecialToken")) {
      MINERVA_ASSIGN(const JsonField id, special->field("id"));
      MINERVA_ASSIGN(const std::string_view text, id.string());
      MINERVA_ASSIGN(part.ids, read_special_ids(special_tokens, text));
    } else {
      return element.error(R"(expected {"Sequence": ...} or {"SpecialToken": ...})");
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<PostProcessorPointer> read_template_processing(const JsonField& field) {
  MINERVA_ASSIGN(const JsonField special_tokens, field.field("special_tokens"));
  MINERVA_ASSIGN(auto single, read_template(field, "single", special_tokens));
  std::vector<TemplatePart> pair;
  if (field.find("pair")) {
    MINERVA_ASSIGN(pair, read_template(field, "pair", special_tokens));
  }
  return make_template_post_processor(std::move(single), std::move(pair));
}

Result<PostProcessorPointer> read_any(const JsonField& field, int depth) {
  MINERVA_ASSIGN(const std::string type, read_type(field));
  if (type == "TemplateProcessing") return read_template_processing(field);
  if (type == "ByteLevel") return make_offsets_post_processor();
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    MINERVA_ASSIGN(const TokenId first, read_surrounding(field, "cls"));
    MINERVA_ASSIGN(const TokenId separator, read_surrounding(field, "sep"));
    return make_surrounding_post_processor(first, separator);
  }
  if (type != "Sequence") return field.error(fmt::format("the post-processor {} is unknown", quoted(type)));
  if (depth >= limits::kTokenizerPartDepthMax) return field.error("sequences are nested too deeply");
  MINERVA_ASSIGN(const JsonField list, field.field("processors"));
  MINERVA_ASSIGN(const auto elements, list.elements(limits::kTokenizerPartCountMax));
  std::vector<PostProcessorPointer> parts;
  for (const JsonField& element : elements) {
    MINERVA_ASSIGN(PostProcessorPointer part, read_any(element, depth + 1));
    parts.push_back(std::move(part));
  }
  return make_post_processor_sequence(std::move(parts));
}

}  // namespace

Result<PostProcessorPointer> read_post_processor(const JsonField& field) {
  MINERVA_ASSIGN(PostProcessorPointer processor, read_any(field, 0));
  // Try it: whether its steps fit together doesn't depend on the text.
  for (const bool add_special : {false, true}) {
    Encodings encodings(1);
    if (!processor->apply(encodings, add_special)) {
      return field.error(
          "a template uses a second text, or follows another template, and can't take one text");
    }
    std::size_t ids = 0;
    for (const auto& list : encodings) ids += list.size();
    if (ids > limits::kTokenizerTemplateIdsMax || encodings.size() > limits::kTokenizerPartCountMax) {
      return field.error("it puts too many ids around a text");
    }
  }
  return processor;
}

}  // namespace minerva::tokenizers
