#include "text/grammar/schema_validity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "text/grammar/json_number.h"
#include "text/grammar/schema_formats.h"
#include "text/tokenizer/utf8_codec.h"

namespace minerva::grammar {
namespace {

constexpr int kDepthMax = 64;
// References that lead back to the same value could be followed without end.
constexpr std::size_t kValueStepsMax = 100'000;
constexpr std::size_t kStepsMax = 5'000'000;

Verdict verdict(bool valid) {
  return valid ? Verdict::Valid : Verdict::Invalid;
}
Verdict opposite(Verdict v) {
  if (v == Verdict::Unknown) return v;
  return verdict(v == Verdict::Invalid);
}
Verdict both(Verdict a, Verdict b) {
  return std::min(a, b);
}

std::size_t characters(std::string_view utf8) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < utf8.size(); ++count) at += tokenizers::decode_utf8(utf8.data() + at).length;
  return count;
}

Verdict number(const std::string& keyword, const Json& argument, const Json& value) {
  static constexpr auto kKeywords = std::to_array<std::string_view>(
      {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"});
  if (std::ranges::find(kKeywords, keyword) == kKeywords.end()) return Verdict::Valid;
  if (!argument.is_number()) return Verdict::Unknown;
  const int order = compare(decimal_of(value), decimal_of(argument));
  if (keyword == "minimum") return verdict(order >= 0);
  if (keyword == "maximum") return verdict(order <= 0);
  if (keyword == "exclusiveMinimum") return verdict(order > 0);
  if (keyword == "exclusiveMaximum") return verdict(order < 0);
  const auto divides = is_multiple(decimal_of(value), decimal_of(argument));
  return divides ? verdict(*divides) : Verdict::Unknown;
}

// Of how many schemas hold: what is known, and what may be.
struct Count {
  std::size_t least = 0;
  std::size_t most = 0;
  void add(Verdict v) {
    least += v == Verdict::Valid ? 1 : 0;
    most += v == Verdict::Invalid ? 0 : 1;
  }
  Verdict between(double min, double max) const {
    if (static_cast<double>(most) < min || static_cast<double>(least) > max) return Verdict::Invalid;
    return static_cast<double>(least) >= min && static_cast<double>(most) <= max ? Verdict::Valid
                                                                                 : Verdict::Unknown;
  }
};

}  // namespace

bool equal_values(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return compare(decimal_of(a), decimal_of(b)) == 0;
  if (a.is_array() && b.is_array())
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), equal_values);
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [name, value] : a.items())
      if (!b.contains(name) || !equal_values(value, b[name])) return false;
    return true;
  }
  return a == b;
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "number") return value.is_number();
  return type == "integer" && value.is_number() && decimal_of(value).fraction.empty();
}

Verdict Validity::of(const Source& schema, const Json& value) {
  steps_end_ = std::min(steps_ + kValueStepsMax, kStepsMax);
  return of(schema, value, 0);
}

Verdict Validity::of(const Source& schema, const Json& value, int depth) {
  if (depth > kDepthMax || steps_ >= steps_end_) return Verdict::Unknown;
  ++steps_;
  const Json& json = *schema.json;
  if (json.is_boolean()) return verdict(json == true);
  if (!json.is_object()) return Verdict::Unknown;
  Verdict result = Verdict::Valid;
  for (const auto& [name, argument] : json.items()) {
    result = both(result, keyword(schema, name, argument, value, depth + 1));
    if (result == Verdict::Invalid) return result;
  }
  return result;
}

Verdict Validity::keyword(const Source& schema, const std::string& keyword, const Json& argument,
                          const Json& value, int depth) {
  if (keyword.ends_with("Ref") || keyword == "$ref") {
    if (keyword[0] != '$') return Verdict::Valid;
    const auto target = document_.referred(schema, keyword.c_str());
    return target ? of(**target, value, depth) : Verdict::Unknown;
  }
  if (keyword == "type") {
    const auto is = [&](const Json& name) {
      return name.is_string() && has_type(value, name.get<std::string>());
    };
    return verdict(argument.is_array() ? std::ranges::any_of(argument, is) : is(argument));
  }
  if (keyword == "const") return verdict(equal_values(value, argument));
  if (keyword == "enum")
    return verdict(std::ranges::any_of(argument, [&](const Json& one) { return equal_values(one, value); }));
  if (keyword == "not") return opposite(of(document_.child(schema, argument, keyword), value, depth));
  if (keyword == "if") return conditional(schema, value, depth);
  if (keyword == "allOf" || keyword == "anyOf" || keyword == "oneOf") {
    if (!argument.is_array()) return Verdict::Unknown;
    Count count;
    for (std::size_t i = 0; i < argument.size(); ++i)
      count.add(of(document_.child(schema, argument[i], keyword, std::to_string(i)), value, depth));
    const auto size = static_cast<double>(argument.size());
    if (keyword == "allOf") return count.between(size, size);
    return count.between(1, keyword == "oneOf" ? 1 : size);
  }
  if (value.is_number()) {
    // Draft 4's exclusive bounds are flags of the others.
    if (keyword == "minimum" && schema.json->value("exclusiveMinimum", Json(false)) == true)
      return number("exclusiveMinimum", argument, value);
    if (keyword == "maximum" && schema.json->value("exclusiveMaximum", Json(false)) == true)
      return number("exclusiveMaximum", argument, value);
    return argument.is_boolean() ? Verdict::Valid : number(keyword, argument, value);
  }
  if (value.is_string()) return text(keyword, argument, value.get_ref<const std::string&>());
  if (value.is_array()) return array(schema, keyword, argument, value, depth);
  if (value.is_object()) return object(schema, keyword, argument, value, depth);
  return Verdict::Valid;
}

Verdict Validity::conditional(const Source& schema, const Json& value, int depth) {
  const Json& json = *schema.json;
  const Verdict condition = of(document_.child(schema, json["if"], "if"), value, depth);
  const auto branch = [&](const char* name) {
    return json.contains(name) ? of(document_.child(schema, json[name], name), value, depth) : Verdict::Valid;
  };
  if (condition == Verdict::Valid) return branch("then");
  if (condition == Verdict::Invalid) return branch("else");
  const Verdict then = branch("then");
  return then == branch("else") ? then : Verdict::Unknown;
}

Verdict Validity::text(const std::string& keyword, const Json& argument, const std::string& value) {
  if (keyword == "minLength" || keyword == "maxLength") {
    if (!argument.is_number()) return Verdict::Unknown;
    const auto length = static_cast<double>(characters(value));
    return verdict(keyword == "minLength" ? length >= argument.get<double>()
                                          : length <= argument.get<double>());
  }
  if (keyword == "pattern") {
    if (!argument.is_string()) return Verdict::Unknown;
    const auto pattern = argument.get<std::string>();
    const auto sure = patterns_.automaton(pattern, false);
    const auto possible = patterns_.automaton(pattern, true);
    if (!sure || !possible) return Verdict::Unknown;
    if ((*sure)->accepts(value)) return Verdict::Valid;
    return (*possible)->accepts(value) ? Verdict::Unknown : Verdict::Invalid;
  }
  if (keyword == "format" && argument.is_string() && format_regex(argument.get<std::string>())) {
    const auto format = patterns_.format(argument.get<std::string>());
    return format && (*format)->accepts(value) ? Verdict::Valid : Verdict::Unknown;
  }
  return Verdict::Valid;
}

Verdict Validity::array(const Source& schema, const std::string& keyword, const Json& argument,
                        const Json& value, int depth) {
  const Json& json = *schema.json;
  const auto size = static_cast<double>(value.size());
  if (keyword == "minItems") return verdict(size >= argument.get<double>());
  if (keyword == "maxItems") return verdict(size <= argument.get<double>());
  if (keyword == "uniqueItems" && argument == true) {
    for (std::size_t i = 0; i < value.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (equal_values(value[i], value[j])) return Verdict::Invalid;
    return Verdict::Valid;
  }
  if (keyword == "unevaluatedItems") return argument == true ? Verdict::Valid : Verdict::Unknown;
  if (keyword == "contains") {
    Count count;
    for (const Json& item : value) count.add(of(document_.child(schema, argument, keyword), item, depth));
    return count.between(json.value("minContains", 1.0), json.value("maxContains", 1e18));
  }
  Verdict result = Verdict::Valid;
  const bool list = keyword == "prefixItems" || (keyword == "items" && argument.is_array());
  if (list) {
    for (std::size_t i = 0; i < std::min(value.size(), argument.size()); ++i)
      result =
          both(result, of(document_.child(schema, argument[i], keyword, std::to_string(i)), value[i], depth));
    return result;
  }
  const bool old_list = json.contains("items") && json["items"].is_array();
  if (keyword != "items" && !(keyword == "additionalItems" && old_list)) return Verdict::Valid;
  std::size_t first = keyword == "additionalItems" ? json["items"].size() : 0;
  if (keyword == "items" && json.contains("prefixItems")) first = json["prefixItems"].size();
  for (std::size_t i = first; i < value.size(); ++i)
    result = both(result, of(document_.child(schema, argument, keyword), value[i], depth));
  return result;
}

Verdict Validity::object(const Source& schema, const std::string& keyword, const Json& argument,
                         const Json& value, int depth) {
  const auto has = [&](const Json& name) {
    return name.is_string() && value.contains(name.get<std::string>());
  };
  const auto size = static_cast<double>(value.size());
  if (keyword == "minProperties") return verdict(size >= argument.get<double>());
  if (keyword == "maxProperties") return verdict(size <= argument.get<double>());
  if (keyword == "required" && argument.is_array()) return verdict(std::ranges::all_of(argument, has));
  if (keyword == "unevaluatedProperties") return argument == true ? Verdict::Valid : Verdict::Unknown;
  Verdict result = Verdict::Valid;
  if (keyword == "propertyNames") {
    for (const auto& [name, unused] : value.items())
      result = both(result, of(document_.child(schema, argument, keyword), Json(name), depth));
    return result;
  }
  if (keyword == "dependentRequired" || keyword == "dependentSchemas" || keyword == "dependencies") {
    for (const auto& [name, needs] : argument.items()) {
      if (!value.contains(name)) continue;
      if (needs.is_array())
        result = both(result, verdict(std::ranges::all_of(needs, has)));
      else
        result = both(result, of(document_.child(schema, needs, keyword, name), value, depth));
    }
    return result;
  }
  if (keyword == "properties" || keyword == "patternProperties" || keyword == "additionalProperties")
    return members(schema, value, depth);
  return Verdict::Valid;
}

Verdict Validity::members(const Source& schema, const Json& value, int depth) {
  const Json& json = *schema.json;
  Verdict result = Verdict::Valid;
  for (const auto& [name, member] : value.items()) {
    bool matched = false;
    bool sure = true;
    if (json.contains("properties") && json["properties"].contains(name)) {
      matched = true;
      result = both(result,
                    of(document_.child(schema, json["properties"][name], "properties", name), member, depth));
    }
    if (json.contains("patternProperties")) {
      for (const auto& [pattern, inside] : json["patternProperties"].items()) {
        const Verdict found = text("pattern", Json(pattern), name);
        if (found == Verdict::Invalid) continue;
        const Verdict fits = of(document_.child(schema, inside, "patternProperties", pattern), member, depth);
        if (found == Verdict::Valid) {
          matched = true;
          result = both(result, fits);
        } else {
          sure = false;
          if (fits != Verdict::Valid) result = both(result, Verdict::Unknown);
        }
      }
    }
    if (matched || !json.contains("additionalProperties")) continue;
    const Verdict fits =
        of(document_.child(schema, json["additionalProperties"], "additionalProperties"), member, depth);
    result = both(result, sure || fits == Verdict::Valid ? fits : Verdict::Unknown);
  }
  return result;
}

}  // namespace minerva::grammar
