#include "text/grammar/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

// A merged schema may grow at each turn of a recursion: then there is no end to it but this.
constexpr std::size_t kStepsMax = 20'000;
constexpr std::size_t kMergedBytesMax = 1 << 20;
constexpr int kFlattenDepthMax = 64;

constexpr std::array<std::pair<const char*, JsonType>, 21> kSpeaksOf = {{
    {"properties", JsonType::Object},
    {"required", JsonType::Object},
    {"additionalProperties", JsonType::Object},
    {"unevaluatedProperties", JsonType::Object},
    {"minProperties", JsonType::Object},
    {"maxProperties", JsonType::Object},
    {"propertyNames", JsonType::Object},
    {"patternProperties", JsonType::Object},
    {"items", JsonType::Array},
    {"prefixItems", JsonType::Array},
    {"minItems", JsonType::Array},
    {"maxItems", JsonType::Array},
    {"uniqueItems", JsonType::Array},
    {"minLength", JsonType::String},
    {"maxLength", JsonType::String},
    {"pattern", JsonType::String},
    {"format", JsonType::String},
    {"minimum", JsonType::Number},
    {"maximum", JsonType::Number},
    {"exclusiveMinimum", JsonType::Number},
    {"exclusiveMaximum", JsonType::Number},
}};

// The values that a schema lists, or null.
Json listed_values(const Json& schema) {
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema.contains("enum") ? schema["enum"] : Json(nullptr);
}

Json property(const Json& schema, const std::string& name) {
  const auto properties = schema.find("properties");
  return properties != schema.end() && properties->is_object() && properties->contains(name)
             ? (*properties)[name]
             : Json(true);
}

}  // namespace

Result<void> SchemaCompiler::step(const std::string& pointer) {
  if (++steps_ <= kStepsMax && !b_.full()) return {};
  return schema_error(pointer, "",
                      "the schema becomes too large; simplify what refers to itself or is joined");
}

Result<RuleId> SchemaCompiler::run() {
  rule_for(root_, "");
  while (!pending_.empty()) {
    const Pending next = std::move(pending_.front());
    pending_.pop_front();
    MINERVA_ASSIGN(const ExprId body, compile(next.schema, next.pointer));
    b_.define(next.rule, body);
  }
  return rules_.at(root_.dump());
}

ExprId SchemaCompiler::rule_for(const Json& schema, const std::string& pointer) {
  const auto [entry, added] = rules_.try_emplace(schema.dump());
  if (added) {
    entry->second = b_.add_rule();
    if (!b_.full()) pending_.push_back({entry->second, schema, pointer});
  }
  return b_.rule(entry->second);
}

Result<const Json*> SchemaCompiler::target(const Json& reference, const std::string& pointer) const {
  if (!reference.is_string()) return schema_error(pointer, "$ref", "expected a text");
  const auto text = reference.get<std::string>();
  const Json* found = resolve(root_, text);
  if (found == nullptr)
    return schema_error(pointer, "$ref", "only references into this schema can be followed (#/$defs/name)");
  return found;
}

Result<Json> SchemaCompiler::flatten(const Json& schema, const std::string& pointer, int depth) {
  MINERVA_TRY(step(pointer));
  if (schema.is_boolean()) return schema;
  if (!schema.is_object()) return schema_error(pointer, "", "a schema is an object, true or false");
  if (depth > kFlattenDepthMax) return schema_error(pointer, "$ref", "references go round in a circle");
  MINERVA_TRY(check_keywords(schema, pointer));
  Json result = without_annotations(schema);
  result.erase("$ref");
  result.erase("allOf");
  const auto join = [&](const Json& part, const std::string& at) -> Result<void> {
    MINERVA_ASSIGN(const Json flat, flatten(part, at, depth + 1));
    MINERVA_ASSIGN(result, result == Json::object() ? Result<Json>(flat) : merge(result, flat, at));
    if (result.is_boolean() && result == true) result = Json::object();
    return {};
  };
  if (schema.contains("$ref")) {
    MINERVA_ASSIGN(const Json* referred, target(schema["$ref"], pointer));
    MINERVA_TRY(join(*referred, pointer));
  }
  if (schema.contains("allOf")) {
    const Json& parts = schema["allOf"];
    if (!parts.is_array() || parts.empty())
      return schema_error(pointer, "allOf", "expected a list of schemas");
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (result != false) MINERVA_TRY(join(parts[i], child(child(pointer, "allOf"), std::to_string(i))));
  }
  if (result == false) return result;
  if (result.contains("unevaluatedProperties")) {
    if (result.contains("anyOf") || result.contains("oneOf"))
      return schema_error(pointer, "unevaluatedProperties", "it cannot be honoured beside anyOf or oneOf");
    if (!result.contains("additionalProperties"))
      result["additionalProperties"] = result["unevaluatedProperties"];
    result.erase("unevaluatedProperties");
  }
  return result;
}

Result<ExprId> SchemaCompiler::compile(const Json& schema, const std::string& pointer) {
  MINERVA_TRY(step(pointer));
  if (schema.is_boolean()) return schema == true ? json_.value() : b_.nothing();
  if (!schema.is_object()) return schema_error(pointer, "", "a schema is an object, true or false");
  MINERVA_TRY(check_keywords(schema, pointer));
  const Json plain = without_annotations(schema);
  if (plain.empty()) return json_.value();
  if (plain.size() == 1 && plain.contains("$ref")) {
    MINERVA_ASSIGN(const Json* referred, target(plain["$ref"], pointer));
    return rule_for(*referred, plain["$ref"].get<std::string>().substr(1));
  }
  if (plain.size() == 1 && plain.contains("allOf") && plain["allOf"].is_array() && plain["allOf"].size() == 1)
    return compile(plain["allOf"][0], child(child(pointer, "allOf"), "0"));
  if (plain.contains("$ref") || plain.contains("allOf") || plain.contains("unevaluatedProperties")) {
    MINERVA_ASSIGN(const Json flat, flatten(plain, pointer));
    if (flat.is_boolean()) return compile(flat, pointer);
    if (flat.dump().size() > kMergedBytesMax)
      return schema_error(pointer, "", "the joined parts become too large");
    return rule_for(flat, pointer);
  }
  return compile_plain(plain, pointer);
}

Result<ExprId> SchemaCompiler::compile_plain(const Json& schema, const std::string& pointer) {
  for (const char* keyword : {"anyOf", "oneOf"})
    if (schema.contains(keyword)) return compile_branches(schema, keyword, pointer);
  if (schema.contains("enum") || schema.contains("const")) return compile_listed(schema, pointer);
  MINERVA_ASSIGN(const std::uint8_t types, types_meant(schema, pointer));
  std::vector<ExprId> alternatives;
  for (const JsonType type : {JsonType::Object, JsonType::Array, JsonType::String, JsonType::Number,
                              JsonType::Integer, JsonType::Boolean, JsonType::Null}) {
    if (!has(types, type) || (type == JsonType::Integer && has(types, JsonType::Number))) continue;
    MINERVA_ASSIGN(const ExprId alternative, compile_type(type, schema, pointer));
    alternatives.push_back(alternative);
  }
  return b_.alternatives(alternatives);
}

// Without `type`, those that other keywords speak of; a schema that says nothing allows all.
Result<std::uint8_t> SchemaCompiler::types_meant(const Json& schema, const std::string& pointer) const {
  MINERVA_ASSIGN(const auto named, types_of(schema, pointer));
  if (named) return *named;
  std::uint8_t types = 0;
  for (const auto& [keyword, type] : kSpeaksOf)
    if (schema.contains(keyword)) types |= bit(type);
  if (schema.contains("multipleOf")) types |= bit(JsonType::Number);
  return types == 0 ? kAllTypes : types;
}

Result<ExprId> SchemaCompiler::compile_type(JsonType type, const Json& schema, const std::string& pointer) {
  switch (type) {
    case JsonType::Null:
      return b_.literal("null");
    case JsonType::Boolean:
      return b_.alternatives({b_.literal("true"), b_.literal("false")});
    case JsonType::Integer:
      return compile_number(schema, pointer, true);
    case JsonType::Number:
      return compile_number(schema, pointer, false);
    case JsonType::String:
      return compile_string(schema, pointer);
    case JsonType::Array:
      return compile_array(schema, pointer);
    case JsonType::Object:
      return compile_object(schema, pointer);
  }
  return b_.nothing();
}

Result<ExprId> SchemaCompiler::compile_branches(const Json& schema, const char* keyword,
                                                const std::string& pointer) {
  const Json& branches = schema[keyword];
  if (!branches.is_array() || branches.empty())
    return schema_error(pointer, keyword, "expected a list of schemas");
  Json rest = schema;
  rest.erase(keyword);
  const bool one_of = std::string_view(keyword) == "oneOf";
  std::vector<Json> joined;
  std::vector<ExprId> alternatives;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const std::string at = child(child(pointer, keyword), std::to_string(i));
    const bool alone = rest.empty();
    Json branch = branches[i];
    if (!alone || one_of) {
      MINERVA_ASSIGN(branch, flatten(branch, at));
      // A part that contradicts the rest is a branch that nothing fits.
      if (!alone) {
        MINERVA_ASSIGN(branch, merge(rest, branch, at));
      }
      if (one_of) joined.push_back(branch);
    }
    MINERVA_ASSIGN(const ExprId alternative, compile(alone ? branches[i] : branch, at));
    alternatives.push_back(alternative);
  }
  for (std::size_t i = 0; i < joined.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      MINERVA_ASSIGN(const bool apart, disjoint(joined[j], joined[i], pointer));
      if (!apart)
        return schema_error(
            pointer, keyword,
            fmt::format("schemas {} and {} may both hold; tell them apart by their types or by a "
                        "required property with different values, or use anyOf",
                        j, i));
    }
  }
  return b_.alternatives(alternatives);
}

Result<bool> SchemaCompiler::disjoint(const Json& first, const Json& second, const std::string& pointer,
                                      int depth) {
  constexpr int kDepthMax = 4;
  if (depth > kDepthMax) return false;
  MINERVA_ASSIGN(const Json a, flatten(first, pointer));
  MINERVA_ASSIGN(const Json b, flatten(second, pointer));
  if (a == false || b == false) return true;
  if (a == true || b == true) return false;
  const Json values_a = listed_values(a);
  const Json values_b = listed_values(b);
  const auto types = [&](const Json& schema, const Json& values) -> Result<std::uint8_t> {
    MINERVA_ASSIGN(const auto named, types_of(schema, pointer));
    std::uint8_t result = 0;
    if (!values.is_array()) return named.value_or(kAllTypes);
    for (const Json& value : values) result |= types_of_value(value);
    return result;
  };
  MINERVA_ASSIGN(const std::uint8_t types_a, types(a, values_a));
  MINERVA_ASSIGN(const std::uint8_t types_b, types(b, values_b));
  if ((types_a & types_b) == 0) return true;
  if (values_a.is_array() && values_b.is_array())
    return std::ranges::none_of(values_a, [&](const Json& v) { return lists(values_b, v); });
  if ((types_a & types_b) == bit(JsonType::Object)) return disjoint_objects(a, b, pointer, depth);
  return false;
}

Result<bool> SchemaCompiler::disjoint_objects(const Json& a, const Json& b, const std::string& pointer,
                                              int depth) {
  const auto required = [](const Json& schema) { return schema.value("required", Json::array()); };
  for (const Json& name : required(a)) {
    if (!name.is_string()) continue;
    const auto key = name.get<std::string>();
    if (lists(required(b), name)) {
      MINERVA_ASSIGN(const bool apart, disjoint(property(a, key), property(b, key), pointer, depth + 1));
      if (apart) return true;
    }
  }
  // One demands what the other does not let in.
  const auto shuts_out = [&](const Json& from, const Json& demanding) {
    const Json demanded = required(demanding);
    return from.value("additionalProperties", Json(true)) == false && !from.contains("patternProperties") &&
           std::ranges::any_of(demanded, [&](const Json& name) {
             return name.is_string() &&
                    !from.value("properties", Json::object()).contains(name.get<std::string>());
           });
  };
  return shuts_out(a, b) || shuts_out(b, a);
}

Result<ExprId> SchemaCompiler::compile_listed(const Json& schema, const std::string& pointer) {
  const Json values = listed_values(schema);
  const char* keyword = schema.contains("const") ? "const" : "enum";
  if (!values.is_array() || values.empty())
    return schema_error(pointer, keyword, "expected a list of values");
  for (const auto& [name, value] : schema.items()) {
    if (name == "type" || name == keyword) continue;
    if (name == "enum" && lists(value, values[0])) continue;  // beside const
    return schema_error(pointer, name, fmt::format("it cannot be honoured beside {}", keyword));
  }
  MINERVA_ASSIGN(const auto types, types_of(schema, pointer));
  std::vector<ExprId> alternatives;
  for (const Json& value : values)
    if (!types || (*types & types_of_value(value)) != 0) alternatives.push_back(literal(value));
  if (alternatives.empty()) return schema_error(pointer, keyword, "no value has the type");
  return b_.alternatives(alternatives);
}

ExprId SchemaCompiler::literal(const Json& value) {
  if (value.is_string()) return json_.literal_string(value.get<std::string>());
  if (!value.is_structured()) return b_.literal(value.dump());
  std::vector<ExprId> items;
  for (const auto& [key, item] : value.items()) {
    const ExprId text = literal(item);
    items.push_back(value.is_object() ? b_.sequence({json_.literal_string(key), json_.colon(), text}) : text);
  }
  std::vector<ExprId> parts = {b_.literal(value.is_object() ? "{" : "["), json_.space()};
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) parts.push_back(json_.comma());
    parts.push_back(items[i]);
  }
  parts.push_back(json_.space());
  parts.push_back(b_.literal(value.is_object() ? "}" : "]"));
  return b_.sequence(parts);
}

Result<RuleId> parse_schema(std::string_view text, GrammarBuilder& builder) {
  MINERVA_ASSIGN(const Json root, parse_schema_json(text));
  try {
    return SchemaCompiler(root, builder).run();
  } catch (const std::exception&) {  // of the JSON library: a value of a type that was not looked at
    return schema_error("", "", "a keyword has a value of the wrong type");
  }
}

}  // namespace minerva::grammar
