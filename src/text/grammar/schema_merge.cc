#include <algorithm>
#include <string>

#include "text/grammar/schema_json.h"

namespace minerva::grammar {
namespace {

Json both(const Json& a, const Json& b) {
  if (a == b || b == true) return a;
  if (a == true) return b;
  if (a == false || b == false) return false;
  return Json{{"allOf", Json::array({a, b})}};
}

// The values that a schema lists, by enum or const.
Json listed(const Json& schema) {
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema["enum"];
}

class Merger {
 public:
  Merger(const Json& a, const Json& b, std::string_view pointer) : a_(a), b_(b), pointer_(pointer) {}

  Result<Json> run() {
    for (const auto& [keyword, value] : a_.items()) result_[keyword] = value;
    for (const auto& [keyword, value] : b_.items())
      if (!a_.contains(keyword)) result_[keyword] = value;
    MINERVA_TRY(join_types());
    MINERVA_TRY(join_lists());
    for (const auto& [keyword, value] : b_.items())
      if (a_.contains(keyword)) MINERVA_TRY(join(keyword, a_[keyword], value));
    join_objects();
    return std::move(result_);
  }

 private:
  // `true` when `keyword` is in both.
  bool shared(const char* keyword) const { return a_.contains(keyword) && b_.contains(keyword); }

  Result<void> join_types() {
    if (!shared("type")) return {};
    MINERVA_ASSIGN(const auto a, types_of(a_, pointer_));
    MINERVA_ASSIGN(const auto b, types_of(b_, pointer_));
    const auto types = static_cast<std::uint8_t>(*a & *b);
    if (types == 0) return schema_error(pointer_, "type", "the parts contradict each other");
    Json names = Json::array();
    const auto add = [&](JsonType type, const char* name) {
      if (has(types, type)) names.push_back(name);
    };
    add(JsonType::Null, "null");
    add(JsonType::Boolean, "boolean");
    if (has(types, JsonType::Number))
      names.push_back("number");
    else
      add(JsonType::Integer, "integer");
    add(JsonType::String, "string");
    add(JsonType::Array, "array");
    add(JsonType::Object, "object");
    result_["type"] = names;
    return {};
  }

  Result<void> join_lists() {
    const auto has_list = [](const Json& s) { return s.contains("const") || s.contains("enum"); };
    if (!has_list(a_) || !has_list(b_)) return {};
    const Json a = listed(a_);
    const Json b = listed(b_);
    if (!a.is_array() || !b.is_array()) return schema_error(pointer_, "enum", "expected a list");
    Json common = Json::array();
    for (const Json& value : a)
      if (lists(b, value)) common.push_back(value);
    result_.erase("const");
    result_["enum"] = common;
    if (common.empty()) return schema_error(pointer_, "enum", "the parts contradict each other");
    return {};
  }

  Result<void> join(const std::string& keyword, const Json& a, const Json& b) {
    if (keyword == "type" || keyword == "enum" || keyword == "const" || keyword == "properties" ||
        keyword == "additionalProperties" || a == b)
      return {};
    const bool larger = keyword.starts_with("min") || keyword == "exclusiveMinimum";
    const bool smaller = keyword.starts_with("max") || keyword == "exclusiveMaximum";
    if (larger || smaller) {
      if (!a.is_number() || !b.is_number()) return schema_error(pointer_, keyword, "expected a number");
      result_[keyword] = (a < b) == larger ? b : a;
    } else if (keyword == "required") {
      if (!a.is_array() || !b.is_array()) return schema_error(pointer_, keyword, "expected a list");
      for (const Json& name : b)
        if (!lists(a, name)) result_["required"].push_back(name);
    } else if (keyword == "uniqueItems") {
      result_[keyword] = true;
    } else if (keyword == "propertyNames" ||
               (keyword == "items" && !a_.contains("prefixItems") && !b_.contains("prefixItems") &&
                !a.is_array() && !b.is_array())) {
      result_[keyword] = both(a, b);
    } else {
      return schema_error(pointer_, keyword, "two parts that apply together both have it");
    }
    return {};
  }

  // A property that one side names is the other's additional property.
  void join_objects() {
    if (!result_.contains("properties") && !shared("additionalProperties")) return;
    const Json properties_a = a_.value("properties", Json::object());
    const Json properties_b = b_.value("properties", Json::object());
    const Json rest_a = a_.value("additionalProperties", Json(true));
    const Json rest_b = b_.value("additionalProperties", Json(true));
    Json joined = Json::object();
    for (const auto& [name, schema] : properties_a.items())
      joined[name] = both(schema, properties_b.contains(name) ? properties_b[name] : rest_b);
    for (const auto& [name, schema] : properties_b.items())
      if (!joined.contains(name)) joined[name] = both(schema, rest_a);
    if (!joined.empty() || result_.contains("properties")) result_["properties"] = joined;
    if (shared("additionalProperties")) result_["additionalProperties"] = both(rest_a, rest_b);
  }

  const Json& a_;
  const Json& b_;
  std::string_view pointer_;
  Json result_ = Json::object();
};

}  // namespace

Result<Json> merge(const Json& a, const Json& b, std::string_view pointer) {
  if (a == false || b == false) return Json(false);
  if (a == true) return b;
  if (b == true) return a;
  const Json clean_a = without_annotations(a);
  const Json clean_b = without_annotations(b);
  for (const auto& [one, other] : {std::pair(&clean_a, &clean_b), std::pair(&clean_b, &clean_a)}) {
    if (one->contains("patternProperties") &&
        (other->contains("properties") || other->contains("additionalProperties")))
      return schema_error(pointer, "patternProperties", "it cannot be joined with another part's properties");
    if (one->contains("prefixItems") && (other->contains("items") || other->contains("prefixItems")))
      return schema_error(pointer, "prefixItems", "it cannot be joined with another part's items");
    for (const char* keyword : {"properties"})
      if (one->contains(keyword) && !(*one)[keyword].is_object())
        return schema_error(pointer, keyword, "expected an object");
  }
  return Merger(clean_a, clean_b, pointer).run();
}

}  // namespace minerva::grammar
