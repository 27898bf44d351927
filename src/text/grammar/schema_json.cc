#include "text/grammar/schema_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "formats/quote.h"
#include "text/utf8.h"

namespace minerva::grammar {
namespace {

constexpr auto kSchemaKeywords = std::to_array<std::string_view>(
    {"not", "if", "then", "else", "additionalProperties", "unevaluatedProperties", "propertyNames", "items",
     "additionalItems", "unevaluatedItems", "contains"});
constexpr auto kSchemasKeywords = std::to_array<std::string_view>(
    {"allOf", "anyOf", "oneOf", "properties", "patternProperties", "dependentSchemas", "dependencies",
     "prefixItems", "$defs", "definitions"});
constexpr auto kValueKeywords = std::to_array<std::string_view>(
    {"$ref",      "$dynamicRef",      "$recursiveRef",     "type",          "enum",
     "const",     "required",         "dependentRequired", "minProperties", "maxProperties",
     "minItems",  "maxItems",         "uniqueItems",       "minContains",   "maxContains",
     "minLength", "maxLength",        "pattern",           "format",        "minimum",
     "maximum",   "exclusiveMinimum", "exclusiveMaximum",  "multipleOf"});
constexpr auto kAnnotations = std::to_array<std::string_view>(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment",
     "$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary"});

// Deeper than any parser or destructor would like.
bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits::kJsonDepthMax) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::unexpected<Error> schema_error(std::string_view pointer, std::string_view keyword,
                                    std::string_view what) {
  const std::string key = keyword.empty() ? std::string() : fmt::format(", keyword {}", quoted(keyword));
  return invalid_request(
      fmt::format("the JSON schema, at {}{}: {}", pointer.empty() ? "its root" : quoted(pointer), key, what),
      "Change that part of the schema or leave it out; what a schema cannot be held to is refused, not "
      "ignored.");
}

std::string child(std::string_view pointer, std::string_view part) {
  std::string result(pointer);
  result += '/';
  for (const char c : part) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result += c;
  }
  return result;
}

Result<Json> parse_schema_json(std::string_view text) {
  if (text.size() > limits::kSchemaBytesMax)
    return schema_error(
        "", "",
        fmt::format("it has {} bytes; {} are the most that is taken", text.size(), limits::kSchemaBytesMax));
  if (!is_valid_utf8(text)) return schema_error("", "", "it is not valid UTF-8");
  if (too_deep(text))
    return schema_error("", "", fmt::format("it is nested deeper than {}", limits::kJsonDepthMax));
  try {
    return Json::parse(text);
  } catch (const std::exception&) {
    return schema_error("", "", "it is not valid JSON");
  }
}

KeywordKind keyword_kind(std::string_view keyword) {
  const auto is_in = [&](const auto& list) { return std::ranges::find(list, keyword) != list.end(); };
  if (is_in(kSchemaKeywords)) return KeywordKind::Schema;
  if (is_in(kSchemasKeywords)) return KeywordKind::Schemas;
  if (is_in(kValueKeywords)) return KeywordKind::Value;
  return is_in(kAnnotations) ? KeywordKind::Annotation : KeywordKind::Unknown;
}

bool lists(const Json& list, const Json& value) {
  return std::ranges::find(list, value) != list.end();
}

ItemKeywords items_of(const Json& schema) {
  static const Json none = Json::array();
  const auto items = schema.find("items");
  if (items != schema.end() && items->is_array()) return {*items, "items", "additionalItems"};
  const auto prefix = schema.find("prefixItems");
  return {prefix == schema.end() ? none : *prefix, "prefixItems", "items"};
}

Result<std::optional<std::uint32_t>> count_of(const Json& schema, const char* keyword,
                                              std::string_view pointer) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : -1;
  if (value < 0 || value != std::floor(value))
    return schema_error(pointer, keyword, "expected a whole number");
  if (value > limits::kGrammarRepeatMax) {
    // More than anyone asks for: no upper bound at all, or one that is out of reach.
    if (std::string_view(keyword).starts_with("max")) return limits::kGrammarRepeatMax;
    return schema_error(pointer, keyword, fmt::format("{} is the most", limits::kGrammarRepeatMax));
  }
  return static_cast<std::uint32_t>(value);
}

Result<std::optional<std::uint8_t>> types_of(const Json& schema, std::string_view pointer) {
  static constexpr std::array<std::pair<std::string_view, std::uint8_t>, 7> kNames = {
      {{"null", bit(JsonType::Null)},
       {"boolean", bit(JsonType::Boolean)},
       {"integer", bit(JsonType::Integer)},
       {"number", bit(JsonType::Number) | bit(JsonType::Integer)},
       {"string", bit(JsonType::String)},
       {"array", bit(JsonType::Array)},
       {"object", bit(JsonType::Object)}}};
  const auto found = schema.find("type");
  if (found == schema.end()) return std::nullopt;
  std::uint8_t types = 0;
  for (const Json& name : found->is_array() ? *found : Json::array({*found})) {
    const auto* known = std::ranges::find_if(
        kNames, [&](const auto& entry) { return name.is_string() && name == entry.first; });
    if (known == kNames.end())
      return schema_error(pointer, "type",
                          "expected null, boolean, integer, number, string, array or object");
    types |= known->second;
  }
  if (types == 0) return schema_error(pointer, "type", "an empty list allows nothing");
  return types;
}

std::uint8_t types_of_value(const Json& value) {
  if (value.is_null()) return bit(JsonType::Null);
  if (value.is_boolean()) return bit(JsonType::Boolean);
  if (value.is_string()) return bit(JsonType::String);
  if (value.is_array()) return bit(JsonType::Array);
  if (value.is_object()) return bit(JsonType::Object);
  if (value.is_number_integer()) return bit(JsonType::Integer);
  return value.get<double>() == std::floor(value.get<double>()) ? bit(JsonType::Integer)
                                                                : bit(JsonType::Number);
}

}  // namespace minerva::grammar
