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

constexpr std::array<std::string_view, 20> kAnnotations = {"title",
                                                           "description",
                                                           "default",
                                                           "examples",
                                                           "example",
                                                           "deprecated",
                                                           "readOnly",
                                                           "writeOnly",
                                                           "$schema",
                                                           "$id",
                                                           "id",
                                                           "$comment",
                                                           "$anchor",
                                                           "$vocabulary",
                                                           "contentEncoding",
                                                           "contentMediaType",
                                                           "nullable",
                                                           "$defs",
                                                           "definitions",
                                                           "contentSchema"};
constexpr std::array<std::string_view, 31> kHonoured = {"$ref",
                                                        "type",
                                                        "enum",
                                                        "const",
                                                        "anyOf",
                                                        "oneOf",
                                                        "allOf",
                                                        "properties",
                                                        "required",
                                                        "additionalProperties",
                                                        "minProperties",
                                                        "items",
                                                        "maxProperties",
                                                        "propertyNames",
                                                        "patternProperties",
                                                        "prefixItems",
                                                        "minItems",
                                                        "maxItems",
                                                        "uniqueItems",
                                                        "additionalItems",
                                                        "minLength",
                                                        "maxLength",
                                                        "pattern",
                                                        "format",
                                                        "minimum",
                                                        "maximum",
                                                        "multipleOf",
                                                        "exclusiveMinimum",
                                                        "exclusiveMaximum",
                                                        "unevaluatedProperties",
                                                        "unevaluatedItems"};

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

std::string unescaped(std::string_view part) {
  std::string result;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1'))
      result += part[++i] == '0' ? '~' : '/';
    else
      result += part[i];
  }
  return result;
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

const Json* resolve(const Json& root, const std::string& reference) {
  if (reference == "#") return &root;
  if (!reference.starts_with("#/") || reference.contains('%')) return nullptr;
  const Json* at = &root;
  std::string_view rest = std::string_view(reference).substr(2);
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string part = unescaped(rest.substr(0, slash));
    more = slash != std::string_view::npos;
    if (more) rest = rest.substr(slash + 1);
    if (at->is_array()) {
      std::size_t index = 0;
      for (const char c : part) {
        if (c < '0' || c > '9' || index > at->size()) return nullptr;
        index = index * 10 + static_cast<std::size_t>(c - '0');
      }
      if (part.empty() || index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &(*at)[part];
    }
  }
  return at;
}

bool is_annotation(std::string_view keyword) {
  return keyword.starts_with("x-") || std::ranges::find(kAnnotations, keyword) != kAnnotations.end();
}

Result<void> check_keywords(const Json& schema, std::string_view pointer) {
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "nullable" && value == true)
      return schema_error(pointer, keyword, R"(write it as "type": [..., "null"])");
    if ((keyword == "$id" || keyword == "id") && !pointer.empty())
      return schema_error(pointer, keyword, "only the root may have an identifier");
    if (is_annotation(keyword) || std::ranges::find(kHonoured, keyword) != kHonoured.end()) continue;
    return schema_error(pointer, keyword, "this keyword cannot be honoured, or is not known");
  }
  return {};
}

bool lists(const Json& list, const Json& value) {
  return std::ranges::find(list, value) != list.end();
}

Json without_annotations(const Json& schema) {
  Json result = Json::object();
  for (const auto& [keyword, value] : schema.items())
    if (!is_annotation(keyword)) result[keyword] = value;
  return result;
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
