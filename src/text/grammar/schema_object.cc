#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

constexpr std::size_t kPropertyCountMax = 1024;
constexpr std::size_t kExcludedNameBytesMax = 128;

}  // namespace

Result<ExprId> SchemaCompiler::compile_object(const Json& schema, const std::string& pointer) {
  ObjectPlan plan;
  plan.other = b_.nothing();
  MINERVA_ASSIGN(const auto min, count_of(schema, "minProperties", pointer));
  MINERVA_ASSIGN(const auto max, count_of(schema, "maxProperties", pointer));
  plan.min = min.value_or(0);
  plan.max = max.value_or(kUnbounded);
  MINERVA_ASSIGN(const bool possible, plan_members(schema, pointer, plan));
  if (!possible) return b_.nothing();
  const bool nothing_said = plan.members.empty() && !min && !max &&
                            !schema.contains("additionalProperties") && !schema.contains("propertyNames") &&
                            !schema.contains("patternProperties") && !schema.contains("properties");
  return nothing_said ? json_.object() : write_object(plan, pointer);
}

// The named members in order, then what stands for the others. False when a required one is impossible.
Result<bool> SchemaCompiler::plan_members(const Json& schema, const std::string& pointer, ObjectPlan& plan) {
  const Json properties = schema.value("properties", Json::object());
  const Json required = schema.value("required", Json::array());
  if (!properties.is_object()) return schema_error(pointer, "properties", "expected an object");
  if (!required.is_array()) return schema_error(pointer, "required", "expected a list of names");
  if (properties.size() > kPropertyCountMax || required.size() > kPropertyCountMax)
    return schema_error(pointer, "properties",
                        fmt::format("{} are the most that are taken", kPropertyCountMax));
  if (schema.contains("propertyNames") && (!properties.empty() || !required.empty()))
    return schema_error(pointer, "propertyNames", "it cannot be honoured beside properties and required");
  if (schema.contains("patternProperties") && (!properties.empty() || !required.empty()))
    return schema_error(pointer, "patternProperties", "it cannot be honoured beside properties and required");

  std::vector<std::string> names;
  const auto add = [&](const std::string& name, const Json& value, const std::string& at) -> Result<bool> {
    names.push_back(name);
    const bool needed = lists(required, Json(name));
    MINERVA_ASSIGN(const ExprId text, compile(value, at));
    if (text == b_.nothing()) return !needed;
    plan.members.push_back({b_.sequence({json_.literal_string(name), json_.colon(), text}), needed});
    return true;
  };
  for (const auto& [name, value] : properties.items()) {
    MINERVA_ASSIGN(const bool possible, add(name, value, child(child(pointer, "properties"), name)));
    if (!possible) return false;
  }
  for (const Json& name : required) {
    if (!name.is_string()) return schema_error(pointer, "required", "expected a list of names");
    if ((std::ranges::find(names, name.get<std::string>()) != names.end())) continue;
    MINERVA_ASSIGN(const bool possible,
                   add(name.get<std::string>(), schema.value("additionalProperties", Json(true)),
                       child(pointer, "additionalProperties")));
    if (!possible)
      return schema_error(pointer, "required",
                          "a name that is neither in properties nor allowed besides them");
  }
  MINERVA_ASSIGN(plan.other, other_members(schema, pointer, names));
  return true;
}

Result<ExprId> SchemaCompiler::other_members(const Json& schema, const std::string& pointer,
                                             const std::vector<std::string>& names) {
  const bool has_rest = schema.contains("additionalProperties");
  const Json rest = schema.value("additionalProperties", Json(true));
  if (schema.contains("patternProperties")) {
    const Json& patterns = schema["patternProperties"];
    if (!patterns.is_object()) return schema_error(pointer, "patternProperties", "expected an object");
    if (patterns.size() != 1 || schema.contains("propertyNames") || (has_rest && rest != false))
      return schema_error(
          pointer, "patternProperties",
          "only one pattern, without propertyNames and additionalProperties, can be honoured");
    const std::string at = child(child(pointer, "patternProperties"), patterns.begin().key());
    MINERVA_ASSIGN(const ExprId key,
                   string_value(patterns.begin().key(), true, "patternProperties", Json::object(), pointer));
    MINERVA_ASSIGN(const ExprId value, compile(patterns.begin().value(), at));
    return b_.sequence({json_.quoted(key), json_.colon(), value});
  }
  // Where properties are named, others need to be asked for.
  if (!has_rest && schema.contains("properties")) return b_.nothing();
  MINERVA_ASSIGN(const ExprId value, compile(rest, child(pointer, "additionalProperties")));
  if (value == b_.nothing()) return b_.nothing();
  if (schema.contains("propertyNames")) {
    const std::string at = child(pointer, "propertyNames");
    MINERVA_ASSIGN(const Json flat, flatten(schema["propertyNames"], at));
    MINERVA_ASSIGN(const Json text, merge(flat, Json{{"type", "string"}}, at));
    MINERVA_ASSIGN(const ExprId key, compile(text, at));
    return b_.sequence({key, json_.colon(), value});
  }
  for (const std::string& name : names)
    if (name.size() > kExcludedNameBytesMax)
      return schema_error(
          pointer, "additionalProperties",
          fmt::format("it cannot be honoured beside names of more than {} bytes", kExcludedNameBytesMax));
  return b_.sequence({json_.key_except(names), json_.colon(), value});
}

// What may follow the named members: `any`: one stands already; `count`: how many.
ExprId SchemaCompiler::write_others(const ObjectPlan& plan, bool any, std::uint32_t count) {
  const std::uint32_t missing = plan.min > count ? plan.min - count : 0;
  const std::uint32_t room = plan.max == kUnbounded ? kUnbounded : plan.max - count;
  if (plan.other == b_.nothing() || room == 0) return missing == 0 ? b_.empty() : b_.nothing();
  if (missing > 1) return b_.nothing();  // nothing keeps two unnamed keys from being equal
  const ExprId more = b_.sequence({json_.comma(), plan.other});
  if (any) return b_.repeat(more, missing, room);
  const ExprId some =
      b_.sequence({plan.other, b_.repeat(more, 0, room == kUnbounded ? kUnbounded : room - 1)});
  return missing == 0 ? b_.optional(some) : some;
}

// From the last member to the first: what may stand from here on, given whether a member stands already and,
// where the number matters, how many.
Result<ExprId> SchemaCompiler::write_object(const ObjectPlan& plan, const std::string& pointer) {
  const auto size = static_cast<std::uint32_t>(plan.members.size());
  std::uint32_t required = 0;
  for (const Member& member : plan.members) required += member.required ? 1 : 0;
  if (required > plan.max) return b_.nothing();
  if (plan.min > size + (plan.other == b_.nothing() ? 0 : 1)) {
    return schema_error(pointer, "minProperties",
                        "only named properties can be counted on: others might have the same key twice");
  }
  const bool counts =
      plan.min > required || plan.max < size || (plan.max != kUnbounded && plan.other != b_.nothing());
  std::map<std::pair<bool, std::uint32_t>, ExprId> next;  // by `any` and `count`
  for (std::uint32_t count = 0; count <= (counts ? size : 1); ++count)
    next[{count > 0, counts ? count : 0}] =
        counts && count > plan.max ? b_.nothing() : write_others(plan, count > 0, counts ? count : required);
  for (std::uint32_t i = size; i-- > 0;) {
    MINERVA_TRY(step(pointer));
    const Member& member = plan.members[i];
    std::map<std::pair<bool, std::uint32_t>, ExprId> here;
    for (const auto& [state, unused] : next) {
      const auto [any, count] = state;
      if (count > i || (any && i == 0)) continue;  // cannot be so early
      const auto after = next.find({true, counts ? count + 1 : 0});
      const ExprId rest = after == next.end() ? b_.nothing() : after->second;
      ExprId with = b_.sequence({any ? json_.comma() : b_.empty(), member.text, rest});
      if (!member.required) {
        with = b_.alternatives({with, next.at(state)});
        // It is used twice: by what comes before with and without its own member.
        const RuleId rule = b_.add_rule();
        b_.define(rule, with);
        if (with != b_.nothing()) with = b_.rule(rule);
      }
      here[state] = with;
    }
    next = std::move(here);
  }
  const ExprId members = next.at({false, 0});
  return b_.sequence({b_.literal("{"), json_.space(), members, json_.space(), b_.literal("}")});
}

}  // namespace minerva::grammar
