#include "text/grammar/schema_expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

constexpr std::size_t kStepsMax = 200'000;
constexpr std::size_t kShapesMax = 256;  // of one node
constexpr int kScopeDepthMax = 64;

}  // namespace

Result<void> Expander::step(const std::string& pointer) {
  if (++steps_ <= kStepsMax && !builder_.full()) return {};
  return schema_error(pointer, "",
                      "the schema becomes too large; simplify what refers to itself or is joined");
}

void Expander::contradict(const Source& source, std::string_view keyword, std::string_view what) {
  contradiction_ = schema_error(source.pointer, keyword, what).error();
}

Result<std::vector<Shape>> Expander::expand(const Node& node) {
  return expand(node, Mode::Exact);
}

Result<std::vector<Shape>> Expander::expand(const Node& node, Mode mode) {
  std::vector<Draft> drafts(1);
  for (const Literal& literal : node)
    if (!drafts[0].dead) MINERVA_TRY(apply(drafts[0], literal, Shape::kNoScope, mode));
  std::vector<Shape> shapes;
  while (!drafts.empty()) {
    Draft draft = std::move(drafts.back());
    drafts.pop_back();
    if (draft.dead) continue;
    if (draft.shape.values) {  // what the rest asks for can be asked of each
      MINERVA_ASSIGN(auto kept, keep_valid(std::move(draft.shape)));
      shapes.insert(shapes.end(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
      continue;
    }
    const bool many = shapes.size() + drafts.size() >= kShapesMax;
    if (draft.choices.empty() || (many && mode == Mode::Loose)) {
      shapes.push_back(std::move(draft.shape));
      continue;
    }
    Choice choice = std::move(draft.choices.front());
    draft.choices.erase(draft.choices.begin());
    if (choice.keyword == "oneOf" && mode == Mode::Exact) MINERVA_TRY(separate(draft, choice));
    if (many && !choice.denial)
      return schema_error(
          choice.source->pointer, choice.keyword,
          fmt::format("together with what else applies there are more than {} combinations; write "
                      "those that are meant as one anyOf",
                      kShapesMax));
    std::vector<Draft> made;
    for (const Node& alternative : choice.alternatives) {
      Draft next = draft;
      for (const Literal& literal : alternative)
        if (!next.dead) MINERVA_TRY(apply(next, literal, choice.scope, mode));
      if (!next.dead) made.push_back(std::move(next));
      if (many && !made.empty()) break;  // a denial of fewer values
    }
    // The first is taken from the end.
    drafts.insert(drafts.end(), std::make_move_iterator(made.rbegin()), std::make_move_iterator(made.rend()));
  }
  return shapes;
}

// The values of those listed that fit all that was said.
Result<std::vector<Shape>> Expander::keep_valid(Shape shape) const {
  std::vector<Json> kept;
  for (const Json& value : *shape.values) {
    const bool fits = std::ranges::all_of(shape.literals, [&](const Literal& literal) {
      return literal.source->made ||
             validity_.of(*literal.source, value) == (literal.positive ? Verdict::Valid : Verdict::Invalid);
    });
    if (fits) kept.push_back(value);
  }
  if (kept.empty()) return std::vector<Shape>();
  shape.values = std::move(kept);
  return std::vector<Shape>{std::move(shape)};
}

Result<void> Expander::apply(Draft& draft, const Literal& literal, std::uint32_t parent, Mode mode) {
  const Source& source = *literal.source;
  MINERVA_TRY(step(source.pointer));
  Shape& shape = draft.shape;
  int depth = 0;
  for (std::uint32_t scope = parent; scope != Shape::kNoScope; scope = shape.scopes[scope].parent) {
    if (shape.scopes[scope].literal == literal || ++depth > kScopeDepthMax) {
      // It asks for itself, so that it never says anything.
      if (mode == Mode::Exact) {
        contradict(source, "$ref", "references go round in a circle");
        draft.dead = true;
      }
      return {};
    }
  }
  if (!document_.counts_evaluated() && std::ranges::find(shape.literals, literal) != shape.literals.end())
    return {};
  shape.literals.push_back(literal);
  const Json& json = *source.json;
  if (json.is_boolean()) {
    draft.dead = json.get<bool>() != literal.positive;
    if (draft.dead) contradict(source, "", "this schema allows nothing");
    return {};
  }
  if (!json.is_object()) return schema_error(source.pointer, "", "a schema is an object, true or false");
  const auto scope = static_cast<std::uint32_t>(shape.scopes.size());
  shape.scopes.push_back({.parent = parent, .literal = literal});
  if (!literal.positive) return apply_denial(draft, source, scope, mode);
  return apply_schema(draft, source, scope, mode);
}

Result<void> Expander::apply_schema(Draft& draft, const Source& source, std::uint32_t scope, Mode mode) {
  Shape& shape = draft.shape;
  MINERVA_TRY(apply_values(shape, source));
  MINERVA_TRY(apply_numbers(shape, source));
  MINERVA_TRY(apply_texts(shape, source));
  MINERVA_TRY(apply_arrays(shape, source, scope));
  MINERVA_TRY(apply_objects(shape, source, scope));
  check(draft, source);
  const Json& json = *source.json;
  for (const char* keyword : {"$ref", "$dynamicRef", "$recursiveRef"}) {
    if (!json.contains(keyword) || draft.dead) continue;
    MINERVA_ASSIGN(const Source* target, document_.referred(source, keyword));
    MINERVA_TRY(apply(draft, {target, true}, scope, mode));
  }
  return apply_combinations(draft, source, scope, mode);
}

Result<void> Expander::apply_combinations(Draft& draft, const Source& source, std::uint32_t scope,
                                          Mode mode) {
  const Json& json = *source.json;
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const auto found = json.find(keyword);
    if (found == json.end() || draft.dead) continue;
    if (!found->is_array() || found->empty())
      return schema_error(source.pointer, keyword, "expected a list of schemas");
    Choice choice = {.source = &source, .keyword = keyword, .alternatives = {}, .scope = scope};
    for (std::size_t i = 0; i < found->size(); ++i) {
      const Literal part = {&document_.child(source, (*found)[i], keyword, std::to_string(i)), true};
      if (keyword[1] != 'l')
        choice.alternatives.push_back({part});
      else if (!draft.dead)
        MINERVA_TRY(apply(draft, part, scope, mode));
    }
    if (!choice.alternatives.empty()) draft.choices.push_back(std::move(choice));
  }
  const auto literal = [&](const char* keyword, bool positive) {
    return Literal{&document_.child(source, json[keyword], keyword), positive};
  };
  if (json.contains("not") && !draft.dead) MINERVA_TRY(apply(draft, literal("not", false), scope, mode));
  if (json.contains("if") && (json.contains("then") || json.contains("else"))) {
    Choice choice = {.source = &source, .keyword = "if", .alternatives = {}, .scope = scope};
    for (const bool holds : {true, false}) {
      Node node = {literal("if", holds)};
      if (const char* branch = holds ? "then" : "else"; json.contains(branch))
        node.push_back(literal(branch, true));
      choice.alternatives.push_back(std::move(node));
    }
    draft.choices.push_back(std::move(choice));
  }
  if (!draft.dead) choose_dependencies(draft, source, scope);
  return {};
}

// A name is absent, or it is there and asks for more.
void Expander::choose_dependencies(Draft& draft, const Source& source, std::uint32_t scope) {
  for (const char* keyword : {"dependentRequired", "dependentSchemas", "dependencies"}) {
    const auto found = source.json->find(keyword);
    if (found == source.json->end() || !found->is_object()) continue;
    for (const auto& [name, needs] : found->items()) {
      const auto says = [&](const char* what, Json names) {
        return Literal{&document_.made(source, Json{{what, std::move(names)}}), true};
      };
      Node present = {says("required", Json::array({name}))};
      if (needs.is_array() || needs.is_string())
        present.push_back(says("required", needs.is_string() ? Json::array({needs}) : needs));
      else
        present.push_back({&document_.child(source, needs, keyword, name), true});
      draft.choices.push_back({.source = &source,
                               .keyword = keyword,
                               .alternatives = {std::move(present), {says("forbidden", Json::array({name}))}},
                               .scope = scope});
    }
  }
}

Result<void> Expander::apply_denial(Draft& draft, const Source& source, std::uint32_t scope, Mode mode) {
  MINERVA_ASSIGN(Denial denial, deny(source, draft.shape));
  if (mode == Mode::Loose && !denial.complete) return {};
  if (denial.alternatives.empty()) {
    draft.dead = true;
    contradict(source, denial.blocked,
               denial.complete ? "what is denied here is always so"
                               : "this keyword cannot be denied (by not, if or another branch of oneOf)");
    return {};
  }
  if (denial.alternatives.size() == 1) {
    for (const Literal& literal : denial.alternatives[0])
      if (!draft.dead) MINERVA_TRY(apply(draft, literal, scope, mode));
    return {};
  }
  draft.choices.push_back({.source = &source,
                           .keyword = "not",
                           .alternatives = std::move(denial.alternatives),
                           .scope = scope,
                           .denial = true});
  return {};
}

// Of oneOf only one may hold: each comes with the denial of those that could hold beside it.
Result<void> Expander::separate(Draft& draft, Choice& choice) {
  std::vector<Node> alternatives = choice.alternatives;
  for (std::size_t i = 0; i < choice.alternatives.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Literal a = choice.alternatives[i][0];
      const Literal b = choice.alternatives[j][0];
      const auto [known, added] = disjoint_.try_emplace({a.source, b.source}, false);
      if (added) {
        MINERVA_ASSIGN(known->second, impossible(Node{a, b}));
      }
      bool apart = known->second;
      if (!apart && draft.shape.literals.size() > 1) {
        // Perhaps together with what else is asked for, without its choices.
        Draft trial = {.shape = draft.shape};
        for (const Literal& literal : {a, b})
          if (!trial.dead) MINERVA_TRY(apply(trial, literal, choice.scope, Mode::Loose));
        apart = trial.dead;
        if (!apart) {
          MINERVA_ASSIGN(apart, impossible(trial.shape, 0));
        }
      }
      if (apart) continue;
      alternatives[i].push_back({b.source, false});
      alternatives[j].push_back({a.source, false});
    }
  }
  choice.alternatives = std::move(alternatives);
  return {};
}

Result<bool> Expander::impossible(const Node& node, int depth) {
  constexpr int kDepthMax = 3;
  if (depth > kDepthMax) return false;
  const auto kept = contradiction_;
  MINERVA_ASSIGN(const auto shapes, expand(node, Mode::Loose));
  contradiction_ = kept;
  for (const Shape& shape : shapes) {
    MINERVA_ASSIGN(const bool none, impossible(shape, depth));
    if (!none) return false;
  }
  return true;
}

Result<bool> Expander::impossible(const Shape& shape, int depth) {
  if (shape.values) {
    Shape listed = shape;
    std::erase_if(*listed.values, [&](const Json& value) {
      return std::ranges::any_of(shape.literals, [&](const Literal& literal) {
        return !literal.source->made &&
               validity_.of(*literal.source, value) == (literal.positive ? Verdict::Invalid : Verdict::Valid);
      });
    });
    return listed.values->empty();
  }
  std::uint8_t types = shape.types;
  const auto rule_out = [&](JsonType type) { types = static_cast<std::uint8_t>(types & ~bit(type)); };
  if (shape.low && shape.high) {
    const int order = compare(shape.low->value, shape.high->value);
    if (order > 0 || (order == 0 && (shape.low->exclusive || shape.high->exclusive))) {
      rule_out(JsonType::Number);
      rule_out(JsonType::Integer);
    }
  }
  if (has(types, JsonType::String)) {
    MINERVA_ASSIGN(const bool none, no_text_matches(shape));
    if (none) rule_out(JsonType::String);
  }
  if (has(types, JsonType::Array)) {
    if (shape.min_items > shape.max_items) rule_out(JsonType::Array);
    for (std::size_t i = 0; i < std::min<std::size_t>(shape.min_items, 8); ++i) {
      MINERVA_ASSIGN(const bool none, impossible(item_node(shape, i), depth + 1));
      if (none) rule_out(JsonType::Array);
    }
  }
  if (has(types, JsonType::Object)) {
    if (shape.min_properties > shape.max_properties) rule_out(JsonType::Object);
    for (const std::string& name : shape.required) {
      if (!has(types, JsonType::Object)) break;
      MINERVA_ASSIGN(const Node node, member_node(shape, name));
      MINERVA_ASSIGN(const bool none, impossible(node, depth + 1));
      if (none) rule_out(JsonType::Object);
    }
  }
  return types == 0;
}

// By patterns that may match, each for itself and with one other.
Result<bool> Expander::no_text_matches(const Shape& shape) {
  if (shape.min_length > shape.max_length) return true;
  std::optional<Automaton> texts;
  for (const Shape::Term& term : shape.terms) {
    if (term.kind != Shape::Term::Kind::Pattern) continue;
    const auto automaton = patterns_.automaton(term.text, true);
    if (!automaton) continue;
    auto both = texts ? texts->intersection(**automaton) : **automaton;
    if (both) texts = std::move(both);
  }
  if (texts && !texts->empty() && texts->longest().value_or(shape.min_length) < shape.min_length) return true;
  return texts && texts->empty();
}

Result<Node> Expander::member_node(const Shape& shape, const std::string& name) {
  Node node;
  const auto add = [&](const Source& source) {
    const Literal literal = {&source, true};
    if (std::ranges::find(node, literal) == node.end()) node.push_back(literal);
  };
  std::vector<bool> met(shape.objects.size());
  for (std::size_t i = 0; i < shape.objects.size(); ++i) {
    const Source& source = *shape.objects[i].source;
    const Json& json = *source.json;
    if (json.contains("properties") && json["properties"].contains(name)) {
      met[i] = true;
      add(document_.child(source, json["properties"][name], "properties", name));
    }
    if (json.contains("patternProperties")) {
      for (const auto& [pattern, schema] : json["patternProperties"].items()) {
        const auto matching = patterns_.automaton(pattern, false);
        const auto possible = patterns_.automaton(pattern, true);
        if (!matching || !possible)
          return schema_error(source.pointer, "patternProperties",
                              (matching ? possible.error() : matching.error()).message);
        const bool sure = (*matching)->accepts(name);
        met[i] = met[i] || sure;
        // What may match has to fit both ways.
        if (sure || (*possible)->accepts(name))
          add(document_.child(source, schema, "patternProperties", pattern));
      }
    }
    if (!met[i] && json.contains("additionalProperties")) {
      met[i] = true;
      add(document_.child(source, json["additionalProperties"], "additionalProperties"));
    }
  }
  for (std::size_t i = 0; i < shape.objects.size(); ++i) {
    const auto& [source, scope] = shape.objects[i];
    if (!source->json->contains("unevaluatedProperties")) continue;
    bool evaluated = false;
    for (std::size_t j = 0; j < shape.objects.size(); ++j)
      evaluated = evaluated ||
                  ((met[j] || (j != i && shape.objects[j].source->json->contains("unevaluatedProperties"))) &&
                   shape.within(shape.objects[j].scope, scope));
    if (!evaluated)
      add(document_.child(*source, (*source->json)["unevaluatedProperties"], "unevaluatedProperties"));
  }
  return node;
}

std::size_t Expander::prefix_size(const Shape& shape) {
  std::size_t size = 0;
  for (const Shape::Part& part : shape.arrays)
    size = std::max(size, items_of(*part.source->json).prefix.size());
  return size;
}

Node Expander::item_node(const Shape& shape, std::size_t index) {
  Node node;
  const auto add = [&](const Source& source) {
    const Literal literal = {&source, true};
    if (std::ranges::find(node, literal) == node.end()) node.push_back(literal);
  };
  std::vector<bool> met(shape.arrays.size());
  for (std::size_t i = 0; i < shape.arrays.size(); ++i) {
    const Source& source = *shape.arrays[i].source;
    const auto& [prefix, prefix_keyword, rest] = items_of(*source.json);
    if (index < prefix.size()) {
      met[i] = true;
      add(document_.child(source, prefix[index], prefix_keyword, std::to_string(index)));
    } else if (source.json->contains(rest)) {
      met[i] = true;
      add(document_.child(source, (*source.json)[rest], rest));
    }
  }
  for (std::size_t i = 0; i < shape.arrays.size(); ++i) {
    const auto& [source, scope] = shape.arrays[i];
    if (!source->json->contains("unevaluatedItems")) continue;
    bool evaluated = false;
    for (std::size_t j = 0; j < shape.arrays.size(); ++j)
      evaluated =
          evaluated || ((met[j] || (j != i && shape.arrays[j].source->json->contains("unevaluatedItems"))) &&
                        shape.within(shape.arrays[j].scope, scope));
    if (!evaluated) add(document_.child(*source, (*source->json)["unevaluatedItems"], "unevaluatedItems"));
  }
  return node;
}

}  // namespace minerva::grammar
