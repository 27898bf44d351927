#include "text/grammar/schema.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

constexpr int kReferencesMax = 64;

// Whether nothing but annotations stands beside `keyword`.
bool says_only(const Json& json, std::string_view keyword) {
  return std::ranges::all_of(json.items(), [&](const auto& member) {
    const KeywordKind kind = keyword_kind(member.key());
    return member.key() == keyword || kind == KeywordKind::Annotation || kind == KeywordKind::Unknown ||
           member.key() == "$defs" || member.key() == "definitions";
  });
}

}  // namespace

Result<RuleId> SchemaCompiler::run() {
  const RuleId root = b_.add_rule();
  MINERVA_ASSIGN(const ExprId body, value({{&document_.root(), true}}));
  b_.define(root, body);
  bool possible = body != b_.nothing();
  for (bool first = true; !pending_.empty() && !b_.full(); first = false) {
    const Pending next = std::move(pending_.front());
    pending_.pop_front();
    MINERVA_ASSIGN(const ExprId written, write(next.shapes));
    b_.define(next.rule, written);
    possible = possible && !(first && written == b_.nothing());
  }
  if (possible || b_.full()) return root;
  if (!expander_.contradiction()) return schema_error("", "", "no text at all can match it");
  Error why = *expander_.contradiction();
  why.message += ", so that no text at all can match";
  return std::unexpected(std::move(why));
}

Result<bool> SchemaCompiler::simplify(Node& node) {
  Node kept;
  for (Literal literal : node) {
    for (int i = 0; i < kReferencesMax && literal.source->json->is_object() && !literal.source->made; ++i) {
      const Json& json = *literal.source->json;
      if (!json.contains("$ref") || !says_only(json, "$ref")) break;
      MINERVA_ASSIGN(literal.source, document_.referred(*literal.source, "$ref"));
    }
    const Json& json = *literal.source->json;
    const bool open = json == true || (json.is_object() && !literal.source->made && says_only(json, ""));
    if (json == !literal.positive || (open && !literal.positive)) return false;
    if (json == literal.positive || open) continue;
    if (std::ranges::find(kept, literal) == kept.end()) kept.push_back(literal);
  }
  node = std::move(kept);
  return true;
}

Result<ExprId> SchemaCompiler::value(const Node& given) {
  Node node = given;
  MINERVA_ASSIGN(const bool possible, simplify(node));
  if (!possible) {
    if (!given.empty()) expander_.contradict(*given.front().source, "", "this schema allows nothing");
    return b_.nothing();
  }
  if (node.empty()) return json_.value();
  Node key = node;
  std::ranges::sort(key);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  MINERVA_ASSIGN(std::vector<Shape> shapes, expander_.expand(node));
  const bool nested = std::ranges::any_of(shapes, [](const Shape& shape) {
    const std::uint8_t types = shape.types_meant();
    return !shape.values && (has(types, JsonType::Object) || has(types, JsonType::Array));
  });
  ExprId result = 0;
  if (nested) {
    const RuleId rule = b_.add_rule();
    result = b_.rule(rule);
    pending_.push_back({rule, std::move(shapes)});
  } else {
    MINERVA_ASSIGN(result, write(shapes));
  }
  known_.emplace(std::move(key), result);
  return result;
}

Result<ExprId> SchemaCompiler::write(const std::vector<Shape>& shapes) {
  std::vector<ExprId> alternatives;
  std::set<std::string> listed;
  for (const Shape& shape : shapes) {
    if (shape.values) {
      for (const Json& one : *shape.values)
        if (listed.insert(one.dump()).second) alternatives.push_back(literal(one));
      continue;
    }
    const std::uint8_t types = shape.types_meant();
    for (const JsonType type : {JsonType::Object, JsonType::Array, JsonType::String, JsonType::Number,
                                JsonType::Integer, JsonType::Boolean, JsonType::Null}) {
      if (!has(types, type) || (type == JsonType::Integer && has(types, JsonType::Number))) continue;
      MINERVA_ASSIGN(const ExprId alternative, write(shape, type));
      alternatives.push_back(alternative);
    }
  }
  return b_.alternatives(alternatives);
}

Result<ExprId> SchemaCompiler::write(const Shape& shape, JsonType type) {
  const auto one = [&](const char* text, const Json& meant) {
    const bool denied = std::ranges::find(shape.denied, meant) != shape.denied.end();
    return denied ? b_.nothing() : b_.literal(text);
  };
  switch (type) {
    case JsonType::Null:
      return one("null", nullptr);
    case JsonType::Boolean:
      return b_.alternatives({one("true", true), one("false", false)});
    case JsonType::Integer:
      return write_integer(shape);
    case JsonType::Number:
      return write_number(shape);
    case JsonType::String:
      return write_string(shape);
    case JsonType::Array:
      return write_array(shape);
    case JsonType::Object:
      return write_object(shape);
  }
  return b_.nothing();
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

// At the schema that has the keyword, or else at the first that applies.
std::unexpected<Error> SchemaCompiler::error_at(const Shape& shape, std::string_view keyword,
                                                std::string_view what) const {
  const Source* source = shape.literals.empty() ? &document_.root() : shape.literals.front().source;
  for (const Literal& literal : shape.literals)
    if (literal.source->json->is_object() && literal.source->json->contains(keyword)) source = literal.source;
  return schema_error(source->pointer, keyword, what);
}

Result<RuleId> parse_schema(std::string_view text, GrammarBuilder& builder) {
  MINERVA_ASSIGN(Json root, parse_schema_json(text));
  try {
    Document document(std::move(root));
    return SchemaCompiler(document, builder).run();
  } catch (const std::exception&) {  // of the JSON library: a value of a type that was not looked at
    return schema_error("", "", "a keyword has a value of the wrong type");
  }
}

std::vector<ConstraintNote> schema_notes(std::string_view text) {
  auto root = parse_schema_json(text);
  return root ? Document(*std::move(root)).notes() : std::vector<ConstraintNote>();
}

}  // namespace minerva::grammar
