// What the parts of the schema compiler share: the JSON, its errors, its keywords.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace minerva::grammar {

using Json = nlohmann::ordered_json;

/// An InvalidRequest that says where: `pointer` is the JSON pointer of the schema, "" for the root.
std::unexpected<Error> schema_error(std::string_view pointer, std::string_view keyword,
                                    std::string_view what);

/// `pointer` and one part more, escaped as JSON pointers are.
std::string child(std::string_view pointer, std::string_view part);

/// Parses within the limits of size and depth. Errors: InvalidRequest.
Result<Json> parse_schema_json(std::string_view text);

/// What a keyword of a schema holds.
enum class KeywordKind : std::uint8_t {
  Schema,      // a schema (`items` of draft 7: or a list of them)
  Schemas,     // a list of schemas, or an object whose members are schemas
  Value,       // anything else that says something about values
  Annotation,  // what says nothing about values
  Unknown,     // not a keyword of JSON Schema, or content whose meaning is not checked
};
KeywordKind keyword_kind(std::string_view keyword);

/// Whether `list`, an array, has the value.
bool lists(const Json& list, const Json& value);

/// The keywords of items: those of the first ones, and that of the rest. Draft 7 writes prefixItems and items
/// as items and additionalItems.
struct ItemKeywords {
  const Json& prefix;  // a list, empty where there is none
  const char* prefix_keyword;
  const char* rest_keyword;
};
ItemKeywords items_of(const Json& schema);

/// A count (minLength ...) of `schema`, if it is there. Errors: it is no whole number from 0 on.
Result<std::optional<std::uint32_t>> count_of(const Json& schema, const char* keyword,
                                              std::string_view pointer);

enum class JsonType : std::uint8_t { Null, Boolean, Integer, Number, String, Array, Object };
inline constexpr std::uint8_t kAllTypes = 0x7F;
constexpr std::uint8_t bit(JsonType type) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(type));
}
constexpr bool has(std::uint8_t types, JsonType type) {
  return (types & bit(type)) != 0;
}

/// The types that `type` names, as bits (a number is an Integer too); nothing when it is absent. Errors: a
/// word that is no type.
Result<std::optional<std::uint8_t>> types_of(const Json& schema, std::string_view pointer);
std::uint8_t types_of_value(const Json& value);

}  // namespace minerva::grammar
