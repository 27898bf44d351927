// The conformance cases of tests/data/grammar: constraints, and whether a text honours them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "minerva/generation.h"
#include "support/json_schema_validator.h"
#include "support/paths.h"
#include "text/utf8.h"

namespace minerva::testing {

/// The cases of `file`.jsonl, a line each.
inline std::vector<nlohmann::ordered_json> grammar_cases(const std::string& file) {
  std::ifstream in(test_data() / "grammar" / (file + ".jsonl"));
  std::vector<nlohmann::ordered_json> cases;
  for (std::string line; std::getline(in, line);) cases.push_back(nlohmann::ordered_json::parse(line));
  return cases;
}

inline OutputConstraint constraint_of(const nlohmann::ordered_json& test) {
  using enum OutputConstraint::Kind;
  const auto kind = test["kind"].get<std::string>();
  if (kind == "schema") return {.kind = JsonSchema, .text = test["text"].dump()};
  if (kind == "choice") return {.kind = Choice, .choices = test["text"].get<std::vector<std::string>>()};
  const auto text = test["text"].get<std::string>();
  if (kind == "schema-text") return {.kind = JsonSchema, .text = text};
  if (kind == "regex") return {.kind = Regex, .text = text};
  if (kind == "grammar") return {.kind = Grammar, .text = text};
  return {.kind = JsonObject};
}

/// Empty: `text` is what the case's constraint allows, as far as an independent check can say.
inline std::string why_invalid(const nlohmann::ordered_json& test, const std::string& text) {
  if (!is_valid_utf8(text)) return "not UTF-8";
  const auto kind = test["kind"].get<std::string>();
  if (kind == "choice") {
    const auto choices = test["text"].get<std::vector<std::string>>();
    return std::ranges::find(choices, text) != choices.end() ? "" : "none of the choices";
  }
  if (kind == "regex")
    return pcre_matches(test["text"].get<std::string>(), text, true) ? "" : "does not match";
  if (kind == "schema" || kind == "object") {
    const auto value = nlohmann::json::parse(text, nullptr, false);
    if (value.is_discarded()) return "not JSON";
    if (kind == "object") return value.is_object() ? "" : "no object";
    return SchemaValidator(nlohmann::json(test["text"])).valid(value) ? "" : "not valid";
  }
  return "";  // grammars: what they accept and reject says it
}

}  // namespace minerva::testing
