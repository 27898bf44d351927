// What each keyword says, taken into a shape.
#include <algorithm>
#include <array>
#include <cmath>

#include "text/grammar/schema_expand.h"
#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

constexpr auto kSpeaksOf = std::to_array<std::pair<const char*, JsonType>>({
    {"properties", JsonType::Object},
    {"required", JsonType::Object},
    {"additionalProperties", JsonType::Object},
    {"unevaluatedProperties", JsonType::Object},
    {"minProperties", JsonType::Object},
    {"maxProperties", JsonType::Object},
    {"propertyNames", JsonType::Object},
    {"patternProperties", JsonType::Object},
    {"dependentRequired", JsonType::Object},
    {"dependentSchemas", JsonType::Object},
    {"dependencies", JsonType::Object},
    {"items", JsonType::Array},
    {"prefixItems", JsonType::Array},
    {"unevaluatedItems", JsonType::Array},
    {"minItems", JsonType::Array},
    {"maxItems", JsonType::Array},
    {"uniqueItems", JsonType::Array},
    {"contains", JsonType::Array},
    {"minLength", JsonType::String},
    {"maxLength", JsonType::String},
    {"pattern", JsonType::String},
    {"format", JsonType::String},
    {"minimum", JsonType::Number},
    {"maximum", JsonType::Number},
    {"exclusiveMinimum", JsonType::Number},
    {"exclusiveMaximum", JsonType::Number},
    {"multipleOf", JsonType::Number},
});

Result<std::vector<std::string>> names_of(const Json& list, const Source& source, const char* keyword) {
  std::vector<std::string> names;
  if (!list.is_array()) return schema_error(source.pointer, keyword, "expected a list of names");
  for (const Json& name : list) {
    if (!name.is_string()) return schema_error(source.pointer, keyword, "expected a list of names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

void add_new(std::vector<std::string>& to, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::ranges::find(to, name) == to.end()) to.push_back(name);
}

Result<void> tighten_count(std::uint32_t& min, std::uint32_t& max, const Source& source, const char* least,
                           const char* most) {
  MINERVA_ASSIGN(const auto low, count_of(*source.json, least, source.pointer));
  MINERVA_ASSIGN(const auto high, count_of(*source.json, most, source.pointer));
  min = std::max(min, low.value_or(0));
  max = std::min(max, high.value_or(kUnbounded));
  return {};
}

}  // namespace

Result<void> Expander::apply_values(Shape& shape, const Source& source) {
  const Json& json = *source.json;
  MINERVA_ASSIGN(const auto named, types_of(json, source.pointer));
  if (named) {
    shape.types &= *named;
    shape.types_named = shape.types_named || !source.made;
  }
  if (source.made && json.contains("notType")) {
    for (const Json& name : json["notType"]) {
      MINERVA_ASSIGN(const auto types, types_of(Json{{"type", name}}, source.pointer));
      shape.types = static_cast<std::uint8_t>(shape.types & ~types.value_or(0));
    }
  }
  if (!source.made)
    for (const auto& [keyword, type] : kSpeaksOf)
      if (json.contains(keyword))
        shape.spoken_of |=
            static_cast<std::uint8_t>(bit(type) | (type == JsonType::Number ? bit(JsonType::Integer) : 0));
  for (const char* keyword : {"const", "enum"}) {
    if (!json.contains(keyword)) continue;
    const Json listed = keyword[0] == 'c' ? Json::array({json[keyword]}) : json[keyword];
    if (!listed.is_array() || listed.empty())
      return schema_error(source.pointer, keyword, "expected a list of values");
    contradict(source, keyword, "no value that is listed fits what else is asked for");
    if (!shape.values)
      shape.values.emplace(listed.begin(), listed.end());
    else
      std::erase_if(*shape.values, [&](const Json& value) {
        return std::ranges::none_of(listed, [&](const Json& other) { return equal_values(value, other); });
      });
  }
  if (source.made && json.contains("notEnum"))
    shape.denied.insert(shape.denied.end(), json["notEnum"].begin(), json["notEnum"].end());
  return {};
}

Result<void> Expander::apply_numbers(Shape& shape, const Source& source) {
  const Json& json = *source.json;
  const auto bound = [&](const char* keyword, const char* flag, bool low) -> Result<void> {
    const auto found = json.find(keyword);
    if (found == json.end() || (keyword == flag && found->is_boolean())) return {};
    if (!found->is_number() || !std::isfinite(found->get<double>()))
      return schema_error(source.pointer, keyword, "expected a number");
    const bool exclusive = keyword == flag || json.value(flag, Json(false)) == true;
    const Bound next = {decimal_of(*found), exclusive};
    auto& kept = low ? shape.low : shape.high;
    const int order = kept ? compare(next.value, kept->value) * (low ? 1 : -1) : 1;
    if (order > 0 || (order == 0 && exclusive)) kept = next;
    return {};
  };
  MINERVA_TRY(bound("minimum", "exclusiveMinimum", true));
  MINERVA_TRY(bound("exclusiveMinimum", "exclusiveMinimum", true));
  MINERVA_TRY(bound("maximum", "exclusiveMaximum", false));
  MINERVA_TRY(bound("exclusiveMaximum", "exclusiveMaximum", false));
  if (json.contains("multipleOf")) {
    const Json& step = json["multipleOf"];
    if (!step.is_number() || !(step.get<double>() > 0) || !std::isfinite(step.get<double>()))
      return schema_error(source.pointer, "multipleOf", "expected a number greater than 0");
    if (std::ranges::find(shape.steps, step) == shape.steps.end()) shape.steps.push_back(step);
  }
  if (source.made && json.contains("notMultipleOf")) shape.denied_steps.push_back(json["notMultipleOf"]);
  return {};
}

Result<void> Expander::apply_texts(Shape& shape, const Source& source) {
  const Json& json = *source.json;
  MINERVA_TRY(tighten_count(shape.min_length, shape.max_length, source, "minLength", "maxLength"));
  const auto add = [&](const char* keyword, Shape::Term::Kind kind) -> Result<void> {
    if (!json.contains(keyword)) return {};
    if (!json[keyword].is_string()) return schema_error(source.pointer, keyword, "expected a text");
    Shape::Term term = {.kind = kind, .text = json[keyword].get<std::string>(), .source = &source};
    if (kind == Shape::Term::Kind::Format && !format_regex(term.text)) return {};
    const bool known = std::ranges::any_of(
        shape.terms, [&](const Shape::Term& other) { return other.kind == kind && other.text == term.text; });
    if (!known) shape.terms.push_back(std::move(term));
    return {};
  };
  MINERVA_TRY(add("pattern", Shape::Term::Kind::Pattern));
  MINERVA_TRY(add("format", Shape::Term::Kind::Format));
  if (source.made) MINERVA_TRY(add("notPattern", Shape::Term::Kind::NotPattern));
  return {};
}

Result<void> Expander::apply_arrays(Shape& shape, const Source& source, std::uint32_t scope) {
  const Json& json = *source.json;
  MINERVA_TRY(tighten_count(shape.min_items, shape.max_items, source, "minItems", "maxItems"));
  shape.unique = shape.unique || json.value("uniqueItems", Json(false)) == true;
  const auto items = items_of(json);
  if (!items.prefix.is_array())
    return schema_error(source.pointer, items.prefix_keyword, "expected a list of schemas");
  if (json.contains("prefixItems") && json.contains("items") && json["items"].is_array())
    return schema_error(source.pointer, "items", "a list of schemas beside prefixItems");
  if (!items.prefix.empty() || json.contains(items.rest_keyword) || json.contains("unevaluatedItems"))
    shape.arrays.push_back({&source, scope});
  if (json.contains("contains")) {
    MINERVA_ASSIGN(const auto min, count_of(json, "minContains", source.pointer));
    MINERVA_ASSIGN(const auto max, count_of(json, "maxContains", source.pointer));
    shape.contains.push_back(
        {&document_.child(source, json["contains"], "contains"), min.value_or(1), max.value_or(kUnbounded)});
  }
  return {};
}

Result<void> Expander::apply_objects(Shape& shape, const Source& source, std::uint32_t scope) {
  const Json& json = *source.json;
  MINERVA_TRY(
      tighten_count(shape.min_properties, shape.max_properties, source, "minProperties", "maxProperties"));
  if (json.contains("required") && !json["required"].is_boolean()) {  // draft 3's flag says nothing
    MINERVA_ASSIGN(const auto names, names_of(json["required"], source, "required"));
    add_new(shape.required, names);
  }
  if (source.made && json.contains("forbidden")) {
    MINERVA_ASSIGN(const auto names, names_of(json["forbidden"], source, "forbidden"));
    add_new(shape.forbidden, names);
  }
  if (json.contains("propertyNames"))
    shape.names.push_back(&document_.child(source, json["propertyNames"], "propertyNames"));
  for (const char* keyword : {"properties", "patternProperties", "dependentRequired", "dependentSchemas"})
    if (json.contains(keyword) && !json[keyword].is_object())
      return schema_error(source.pointer, keyword, "expected an object");
  for (const char* keyword :
       {"properties", "patternProperties", "additionalProperties", "unevaluatedProperties"})
    if (json.contains(keyword)) {
      shape.objects.push_back({&source, scope});
      break;
    }
  return {};
}

void Expander::check(Draft& draft, const Source& source) {
  const Shape& shape = draft.shape;
  std::string_view keyword;
  std::string_view what = "the parts that apply together contradict each other";
  if (shape.types == 0) {
    keyword = "type";
  } else if (shape.types == bit(JsonType::Object)) {
    if (std::ranges::any_of(shape.required, [&](const std::string& name) {
          return std::ranges::find(shape.forbidden, name) != shape.forbidden.end();
        }))
      keyword = "required";
    else if (shape.min_properties > shape.max_properties || shape.required.size() > shape.max_properties)
      keyword = "maxProperties";
  }
  if (keyword.empty()) return;
  draft.dead = true;
  contradict(source, keyword, what);
}

}  // namespace minerva::grammar
