// Whether a JSON value is valid against a schema: written from the specification (2020-12), for tests only,
// and sharing nothing with the compiler of schemas.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <arpa/inet.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace minerva::testing {

/// Whether `pattern` matches: somewhere in `text`, or the whole of it.
inline bool pcre_matches(const std::string& pattern, const std::string& text, bool whole) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::uint32_t options =
      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | (whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options,
                                   &error, &offset, context);
  pcre2_compile_context_free(context);
  if (code == nullptr) return false;
  pcre2_match_data* match = pcre2_match_data_create_from_pattern(code, nullptr);
  const int count =
      pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match, nullptr);
  pcre2_match_data_free(match);
  pcre2_code_free(code);
  return count >= 0;
}

class SchemaValidator {
 public:
  using Json = nlohmann::json;
  explicit SchemaValidator(Json root) : root_(std::move(root)) {}

  bool valid(const Json& value) const { return valid(root_, value); }

 private:
  bool valid(const Json& schema, const Json& value) const {
    if (schema.is_boolean()) return schema.get<bool>();
    for (const auto& [keyword, argument] : schema.items())
      if (!keeps(schema, keyword, argument, value)) return false;
    return true;
  }

  bool keeps(const Json& schema, const std::string& keyword, const Json& argument, const Json& value) const {
    if (keyword == "$ref") return valid(target(argument.get<std::string>()), value);
    if (keyword == "type") return has_type(argument, value);
    if (keyword == "enum") return std::ranges::find(argument, value) != argument.end();
    if (keyword == "const") return value == argument;
    if (keyword == "allOf") return count_valid(argument, value) == argument.size();
    if (keyword == "anyOf") return count_valid(argument, value) > 0;
    if (keyword == "oneOf") return count_valid(argument, value) == 1;
    if (keyword == "not") return !valid(argument, value);
    if (keyword == "if") {
      const char* branch = valid(argument, value) ? "then" : "else";
      return !schema.contains(branch) || valid(schema[branch], value);
    }
    if (keyword == "unevaluatedItems" || keyword == "unevaluatedProperties")
      return keeps_unevaluated(schema, keyword, argument, value);
    if (value.is_number()) return number_keeps(schema, keyword, argument, value);
    if (value.is_string()) return string_keeps(keyword, argument, value.get<std::string>());
    if (value.is_array()) return array_keeps(schema, keyword, argument, value);
    if (value.is_object()) return object_keeps(schema, keyword, argument, value);
    return true;
  }

  const Json& target(const std::string& reference) const {
    if (reference == "#") return root_;
    if (!reference.starts_with("#/")) {
      for (const Json& schema : root_["$defs"])
        if (schema.value("$anchor", "") == reference.substr(1)) return schema;
    }
    std::string pointer = reference.substr(1);
    for (std::size_t at = 0; (at = pointer.find("%20", at)) != std::string::npos;)
      pointer.replace(at, 3, " ");
    return root_.at(Json::json_pointer(pointer));
  }

  std::size_t count_valid(const Json& schemas, const Json& value) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(schemas, [&](const Json& schema) { return valid(schema, value); }));
  }

  static bool has_type(const Json& types, const Json& value) {
    if (types.is_array())
      return std::ranges::any_of(types, [&](const Json& type) { return has_type(type, value); });
    const auto type = types.get<std::string>();
    if (type == "integer") return value.is_number() && value.get<double>() == std::floor(value.get<double>());
    if (type == "number") return value.is_number();
    return type == value.type_name();
  }

  static bool number_keeps(const Json& schema, const std::string& keyword, const Json& argument,
                           const Json& value) {
    if (keyword == "minimum") return value >= argument;
    if (keyword == "maximum") return value <= argument;
    if (argument.is_boolean()) {  // draft 4
      if (argument == false) return true;
      if (keyword == "exclusiveMinimum") return !schema.contains("minimum") || value > schema["minimum"];
      if (keyword == "exclusiveMaximum") return !schema.contains("maximum") || value < schema["maximum"];
    }
    if (keyword == "exclusiveMinimum") return value > argument;
    if (keyword == "exclusiveMaximum") return value < argument;
    if (keyword == "multipleOf") {
      if (value.is_number_integer() && argument.is_number_integer())
        return value.get<std::int64_t>() % argument.get<std::int64_t>() == 0;
      const double quotient = value.get<double>() / argument.get<double>();
      return std::abs(quotient - std::round(quotient)) <= 1e-9 * std::max(1.0, std::abs(quotient));
    }
    return true;
  }

  static std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  }

  static bool string_keeps(const std::string& keyword, const Json& argument, const std::string& value) {
    if (keyword == "minLength") return characters(value) >= argument.get<std::size_t>();
    if (keyword == "maxLength") return characters(value) <= argument.get<std::size_t>();
    if (keyword == "pattern") return pcre_matches(argument.get<std::string>(), value, false);
    if (keyword == "format") return has_format(argument.get<std::string>(), value);
    return true;
  }

  static int digits(const std::string& text, std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  }
  static bool is_date(const std::string& text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    const int year = digits(text, 0, 4);
    const int month = digits(text, 5, 2);
    const int day = digits(text, 8, 2);
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= kDays.at(static_cast<std::size_t>(month - 1)) + (leap && month == 2 ? 1 : 0);
  }
  static bool is_time(const std::string& text) {
    const auto within = [&](std::size_t at, int limit) {
      const int value = digits(text, at, 2);
      return value >= 0 && value < limit;
    };
    if (text.size() < 9 || !within(0, 24) || text[2] != ':' || !within(3, 60) || text[5] != ':' ||
        !within(6, 60))
      return false;
    std::size_t at = 8;
    if (text[at] == '.') {
      const std::size_t begin = ++at;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
      if (at == begin) return false;
    }
    if (text.substr(at) == "Z") return true;
    return at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && within(at + 1, 24) &&
           text[at + 3] == ':' && within(at + 4, 60);
  }
  static bool is_hostname(const std::string& text) {
    if (text.empty() || text.size() > 253) return false;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('.', begin), text.size());
      const std::string label = text.substr(begin, end - begin);
      if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
      for (const char c : label)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'))
          return false;
      begin = end + 1;
    }
    return true;
  }
  static bool has_format(const std::string& name, const std::string& text) {
    std::array<unsigned char, 16> address{};
    if (name == "date") return is_date(text);
    if (name == "time") return is_time(text);
    if (name == "date-time")
      return text.size() > 11 && text[10] == 'T' && is_date(text.substr(0, 10)) && is_time(text.substr(11));
    if (name == "ipv4") return inet_pton(AF_INET, text.c_str(), address.data()) == 1;
    if (name == "ipv6") return inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
    if (name == "hostname") return is_hostname(text);
    if (name == "uuid")
      return pcre_matches("^[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}$", text, true);
    if (name == "email") {
      const std::size_t at = text.rfind('@');
      return at != std::string::npos && at > 0 && at <= 64 && is_hostname(text.substr(at + 1)) &&
             text[0] != '.' && text[at - 1] != '.' && text.find("..") == std::string::npos &&
             text.find_first_of(" \"(),:;<>@[\\]") == at;
    }
    if (name == "uri")
      return pcre_matches(
          R"([a-zA-Z][a-zA-Z0-9+.-]*:([^\s<>"{}|\\^`%#]|%[[:xdigit:]]{2})*(#([^\s<>"{}|\\^`%#]|%[[:xdigit:]]{2})*)?)",
          text, true);
    if (name == "json-pointer") return pcre_matches(R"((/([^~/]|~[01])*)*)", text, true);
    if (name == "uri-reference") return pcre_matches(R"(([^\s<>"{}|\\^`%]|%[[:xdigit:]]{2})*)", text, true);
    if (name == "duration")  // RFC 3339, appendix A
      return pcre_matches(
          R"(P(?!$)(\d+W|(\d+Y(\d+M(\d+D)?)?|\d+M(\d+D)?|\d+D)?(T(?=\d)(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S))?))",
          text, true);
    return true;  // an annotation
  }

  bool array_keeps(const Json& schema, const std::string& keyword, const Json& argument,
                   const Json& value) const {
    if (keyword == "minItems") return value.size() >= argument.get<std::size_t>();
    if (keyword == "maxItems") return value.size() <= argument.get<std::size_t>();
    if (keyword == "uniqueItems") {
      for (std::size_t i = 0; i < value.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (argument == true && value[i] == value[j]) return false;
    }
    if (keyword == "contains") {
      const auto fits = [&](const Json& item) { return valid(argument, item); };
      const auto count = static_cast<double>(std::ranges::count_if(value, fits));
      return count >= schema.value("minContains", 1.0) && count <= schema.value("maxContains", 1e9);
    }
    const bool list = keyword == "prefixItems" || (keyword == "items" && argument.is_array());
    if (list) {
      for (std::size_t i = 0; i < std::min(argument.size(), value.size()); ++i)
        if (!valid(argument[i], value[i])) return false;
      return true;
    }
    if (keyword == "items" || keyword == "additionalItems") {
      std::size_t begin = schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
      if (keyword == "additionalItems" && schema.contains("items") && schema["items"].is_array())
        begin = schema["items"].size();
      for (std::size_t i = begin; i < value.size(); ++i)
        if (!valid(argument, value[i])) return false;
    }
    return true;
  }

  bool object_keeps(const Json& schema, const std::string& keyword, const Json& argument,
                    const Json& value) const {
    if (keyword == "minProperties") return value.size() >= argument.get<std::size_t>();
    if (keyword == "maxProperties") return value.size() <= argument.get<std::size_t>();
    if (keyword == "required")
      return std::ranges::all_of(argument,
                                 [&](const Json& name) { return value.contains(name.get<std::string>()); });
    if (keyword == "dependentRequired" || keyword == "dependentSchemas" || keyword == "dependencies") {
      for (const auto& [name, needs] : argument.items()) {
        if (!value.contains(name)) continue;
        const auto is_there = [&](const Json& needed) { return value.contains(needed.get<std::string>()); };
        if (needs.is_array() ? !std::ranges::all_of(needs, is_there) : !valid(needs, value)) return false;
      }
      return true;
    }
    const Json properties = schema.value("properties", Json::object());
    const Json patterns = schema.value("patternProperties", Json::object());
    for (const auto& [name, member] : value.items()) {
      bool known = properties.contains(name);
      if (keyword == "properties" && known && !valid(argument[name], member)) return false;
      for (const auto& [pattern, wanted] : patterns.items()) {
        if (!pcre_matches(pattern, name, false)) continue;
        known = true;
        if (keyword == "patternProperties" && !valid(wanted, member)) return false;
      }
      if (keyword == "propertyNames" && !valid(argument, name)) return false;
      if (keyword == "additionalProperties" && !known && !valid(argument, member)) return false;
    }
    return true;
  }

  // The members (by name) or items (by number) of `value` that a schema which holds has looked at, but for
  // what its own `except` looks at.
  std::set<std::string> evaluated(const Json& schema, const Json& value,
                                  const std::string& except = "") const {
    std::set<std::string> all;
    if (!schema.is_object() || !valid_but_for(schema, value, except)) return all;
    const auto add = [&](const Json& applied) { all.merge(evaluated(applied, value)); };
    for (const auto& [keyword, argument] : schema.items()) {
      if (keyword == except) continue;
      if (keyword == "$ref") add(target(argument.get<std::string>()));
      if (keyword == "allOf" || keyword == "anyOf" || keyword == "oneOf")
        for (const Json& branch : argument) add(branch);
      if (keyword == "if") {
        add(argument);
        const char* branch = valid(argument, value) ? "then" : "else";
        if (schema.contains(branch)) add(schema[branch]);
      }
      if (keyword == "dependentSchemas")
        for (const auto& [name, needs] : argument.items())
          if (value.contains(name)) add(needs);
      if (value.is_object()) all.merge(evaluated_members(keyword, argument, value));
      if (value.is_array()) all.merge(evaluated_items(schema, keyword, argument, value));
    }
    return all;
  }

  bool valid_but_for(const Json& schema, const Json& value, const std::string& except) const {
    Json rest = schema;
    rest.erase(except);
    return valid(rest, value);
  }

  static std::set<std::string> evaluated_members(const std::string& keyword, const Json& argument,
                                                 const Json& value) {
    std::set<std::string> names;
    for (const auto& [name, member] : value.items()) {
      const bool seen =
          keyword == "additionalProperties" || keyword == "unevaluatedProperties" ||
          (keyword == "properties" && argument.contains(name)) ||
          (keyword == "patternProperties" && std::ranges::any_of(argument.items(), [&](const auto& pattern) {
             return pcre_matches(pattern.key(), name, false);
           }));
      if (seen) names.insert(name);
    }
    return names;
  }

  std::set<std::string> evaluated_items(const Json& schema, const std::string& keyword, const Json& argument,
                                        const Json& value) const {
    std::set<std::string> numbers;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool list = keyword == "prefixItems" || (keyword == "items" && argument.is_array());
      const bool rest = keyword == "items" || keyword == "additionalItems" || keyword == "unevaluatedItems";
      const bool seen =
          list ? i < argument.size() : rest || (keyword == "contains" && valid(argument, value[i]));
      if (seen && (keyword != "additionalItems" || schema.contains("items")))
        numbers.insert(std::to_string(i));
    }
    return numbers;
  }

  bool keeps_unevaluated(const Json& schema, const std::string& keyword, const Json& argument,
                         const Json& value) const {
    if (!(keyword == "unevaluatedItems" ? value.is_array() : value.is_object())) return true;
    const auto seen = evaluated(schema, value, keyword);
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
      if (!seen.contains(std::to_string(i)) && !valid(argument, value[i])) return false;
    for (const auto& [name, member] : value.items())
      if (value.is_object() && !seen.contains(name) && !valid(argument, member)) return false;
    return true;
  }

  Json root_;
};

}  // namespace minerva::testing
