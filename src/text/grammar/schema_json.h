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

/// What a local reference ("#", "#/$defs/x") points to; nullptr when nothing is there or it is not local.
const Json* resolve(const Json& root, const std::string& reference);

/// Whether the keyword says nothing about values.
bool is_annotation(std::string_view keyword);
/// Errors: the first keyword that is neither an annotation nor honoured.
Result<void> check_keywords(const Json& schema, std::string_view pointer);

/// The schema without annotations (and definitions).
Json without_annotations(const Json& schema);

/// Whether `list`, an array, has the value.
bool lists(const Json& list, const Json& value);

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

/// One schema that holds where both do. References and allOf within them have been flattened before. Errors:
/// keywords that cannot be joined.
Result<Json> merge(const Json& a, const Json& b, std::string_view pointer);

}  // namespace minerva::grammar
