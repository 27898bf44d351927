// What it takes for a schema not to hold.
#include <algorithm>
#include <set>
#include <string>

#include "text/grammar/schema_expand.h"
#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

class Denier {
 public:
  Denier(Document& document, const Source& source, const Shape& context)
      : document_(document), source_(source), json_(*source.json), context_(context) {}

  Result<Denial> run() {
    for (const auto& [keyword, value] : json_.items()) {
      if (keyword == "type")
        either({{"notType", value.is_array() ? value : Json::array({value})}});
      else if (keyword == "const")
        either({{"notEnum", Json::array({value})}});
      else if (keyword == "enum")
        either({{"notEnum", value}});
      else if (keyword == "not")
        result_.alternatives.push_back({{&document_.child(source_, value, "not"), true}});
      else if (keyword.starts_with("$"))
        MINERVA_TRY(reference(keyword));
      else if (!combination(keyword, value) && !number(keyword, value) && !text(keyword, value) &&
               !array(keyword, value) && !object(keyword, value))
        other(keyword, value);
    }
    return std::move(result_);
  }

 private:
  // One more way in which the schema may be false: ours, about the same value.
  void either(Json schema) {
    result_.alternatives.push_back({{&document_.made(source_, std::move(schema)), true}});
  }
  Literal part(const Json& value, const std::string& keyword, const std::string& at, bool positive) {
    return {&document_.child(source_, value, keyword, at), positive};
  }
  void cannot(const std::string& keyword) {
    result_.complete = false;
    result_.blocked = keyword;
  }

  Result<void> reference(const std::string& keyword) {
    if (!keyword.ends_with("ef")) return {};
    MINERVA_ASSIGN(const Source* target, document_.referred(source_, keyword.c_str()));
    result_.alternatives.push_back({{target, false}});
    return {};
  }

  bool combination(const std::string& keyword, const Json& value) {
    if (keyword == "if") {
      const Literal holds = part(value, keyword, "", true);
      const Literal fails = {holds.source, false};
      if (json_.contains("then"))
        result_.alternatives.push_back({holds, part(json_["then"], "then", "", false)});
      if (json_.contains("else"))
        result_.alternatives.push_back({fails, part(json_["else"], "else", "", false)});
      return true;
    }
    if (keyword != "allOf" && keyword != "anyOf" && keyword != "oneOf") return false;
    Node none;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Literal denied = part(value[i], keyword, std::to_string(i), false);
      if (keyword == "allOf")
        result_.alternatives.push_back({denied});
      else
        none.push_back(denied);
      // Of oneOf two may hold.
      for (std::size_t j = 0; keyword == "oneOf" && j < i; ++j)
        result_.alternatives.push_back(
            {{denied.source, true}, part(value[j], keyword, std::to_string(j), true)});
    }
    if (keyword != "allOf") result_.alternatives.insert(result_.alternatives.begin(), std::move(none));
    return true;
  }

  bool number(const std::string& keyword, const Json& value) {
    const auto flagged = [&](const char* flag) { return json_.value(flag, Json(false)) == true; };
    const auto says = [&](const char* name) { either({{"type", "number"}, {name, value}}); };
    if (keyword == "minimum")
      says(flagged("exclusiveMinimum") ? "maximum" : "exclusiveMaximum");
    else if (keyword == "maximum")
      says(flagged("exclusiveMaximum") ? "minimum" : "exclusiveMinimum");
    else if (keyword == "exclusiveMinimum" && value.is_number())
      says("maximum");
    else if (keyword == "exclusiveMaximum" && value.is_number())
      says("minimum");
    else if (keyword == "multipleOf")
      says("notMultipleOf");
    else
      return keyword.starts_with("exclusive");
    return true;
  }

  // A count that is at least `value` is denied by one below it, and the other way round.
  bool count(const std::string& keyword, const Json& value, const char* type, const std::string& what) {
    if (!value.is_number()) return false;
    if (keyword == "min" + what) {
      if (value.get<double>() >= 1) either({{"type", type}, {"max" + what, value.get<double>() - 1}});
      return true;
    }
    if (keyword != "max" + what) return false;
    either({{"type", type}, {"min" + what, value.get<double>() + 1}});
    return true;
  }

  bool text(const std::string& keyword, const Json& value) {
    if (count(keyword, value, "string", "Length")) return true;
    if (keyword != "pattern") return false;
    either({{"type", "string"}, {"notPattern", value}});
    return true;
  }

  bool array(const std::string& keyword, const Json& value) {
    if (count(keyword, value, "array", "Items")) return true;
    const auto items = items_of(json_);
    if (keyword == items.rest_keyword) {
      if (!items.prefix.empty()) return false;
      if (value != true) either({{"type", "array"}, {"contains", {{"not", value}}}});
      return true;
    }
    if (keyword == items.prefix_keyword) {
      Json before = Json::array();
      for (const Json& item : value) {
        before.push_back(Json{{"not", item}});
        either({{"type", "array"}, {"minItems", before.size()}, {"prefixItems", before}});
        before.back() = true;
      }
      return true;
    }
    if (keyword == "contains") {
      const double min = json_.value("minContains", 1.0);
      if (min >= 1)
        either({{"type", "array"}, {"contains", value}, {"minContains", 0}, {"maxContains", min - 1}});
      if (json_.contains("maxContains"))
        either(
            {{"type", "array"}, {"contains", value}, {"minContains", json_.value("maxContains", 0.0) + 1}});
      return true;
    }
    return keyword == "minContains" || keyword == "maxContains" || keyword == "additionalItems" ||
           (keyword == "uniqueItems" && value != true);
  }

  bool object(const std::string& keyword, const Json& value) {
    if (count(keyword, value, "object", "Properties")) return true;
    if (keyword == "required" && value.is_array()) {
      for (const Json& name : value) either({{"type", "object"}, {"forbidden", Json::array({name})}});
      return true;
    }
    if (keyword == "properties" && value.is_object()) {
      for (const auto& [name, schema] : value.items())
        if (schema != true && schema != Json::object())
          either({{"type", "object"},
                  {"required", Json::array({name})},
                  {"properties", {{name, {{"not", schema}}}}}});
      return true;
    }
    if (keyword == "additionalProperties") {
      if (value != true && value != Json::object()) others(value);
      return true;
    }
    if ((keyword == "dependentRequired" || keyword == "dependentSchemas" || keyword == "dependencies") &&
        value.is_object()) {
      for (const auto& [name, needs] : value.items()) dependency(keyword, name, needs);
      return true;
    }
    return false;
  }

  // Some other property is there that does not fit: of those that are spoken of elsewhere.
  void others(const Json& schema) {
    cannot("additionalProperties");
    if (json_.contains("patternProperties")) return;
    std::set<std::string> names(context_.required.begin(), context_.required.end());
    for (const Shape::Part& other : context_.objects)
      if (const auto named = other.source->json->find("properties"); named != other.source->json->end())
        for (const auto& [name, unused] : named->items()) names.insert(name);
    for (const std::string& name : names) {
      if (json_.contains("properties") && json_["properties"].contains(name)) continue;
      either({{"type", "object"},
              {"required", Json::array({name})},
              {"properties", {{name, {{"not", schema}}}}}});
    }
  }

  void dependency(const std::string& keyword, const std::string& name, const Json& needs) {
    const auto present = [&] {
      return Literal{&document_.made(source_, {{"type", "object"}, {"required", Json::array({name})}}), true};
    };
    if (needs.is_array()) {
      for (const Json& needed : needs)
        either({{"type", "object"}, {"required", Json::array({name})}, {"forbidden", Json::array({needed})}});
    } else {
      result_.alternatives.push_back({present(), part(needs, keyword, name, false)});
    }
  }

  void other(const std::string& keyword, const Json& value) {
    const bool known = keyword_kind(keyword) == KeywordKind::Schema ||
                       keyword_kind(keyword) == KeywordKind::Schemas ||
                       keyword_kind(keyword) == KeywordKind::Value;
    const bool harmless =
        keyword == "then" || keyword == "else" || keyword == "$defs" || keyword == "definitions" ||
        (keyword == "format" && value.is_string() && !format_regex(value.get<std::string>()));
    if (known && !harmless) cannot(keyword);
  }

  Document& document_;
  const Source& source_;
  const Json& json_;
  const Shape& context_;
  Denial result_;
};

}  // namespace

Result<Denial> Expander::deny(const Source& source, const Shape& context) {
  return Denier(document_, source, context).run();
}

}  // namespace minerva::grammar
