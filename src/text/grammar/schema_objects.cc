#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "formats/quote.h"
#include "text/grammar/schema_compiler.h"

namespace minerva::grammar {
namespace {

constexpr std::size_t kPropertyCountMax = 1024;

bool is_in(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// Names that patterns tell apart, and what stands for them.
struct NameClass {
  Automaton names;
  bool matched = false;  // by some pattern
};

}  // namespace

Result<ExprId> SchemaCompiler::write_object(const Shape& shape) {
  ObjectPlan plan = {
      .members = {}, .other = b_.nothing(), .min = shape.min_properties, .max = shape.max_properties};
  for (const Json& value : shape.denied) {
    if (!value.is_object()) continue;
    if (!value.empty()) return error_at(shape, "not", "objects cannot be denied as values");
    plan.min = std::max(plan.min, 1U);
  }
  MINERVA_ASSIGN(const bool possible, plan_members(shape, plan));
  if (!possible) return b_.nothing();
  const bool nothing_said = plan.members.empty() && plan.min == 0 && plan.max == kUnbounded &&
                            shape.objects.empty() && shape.names.empty() && shape.forbidden.empty();
  return nothing_said ? json_.object() : write_members(plan, shape);
}

// The named members in order, then what stands for the others. False when a required one is impossible.
Result<bool> SchemaCompiler::plan_members(const Shape& shape, ObjectPlan& plan) {
  std::vector<std::string> names;
  std::set<std::string> known;
  const auto name = [&](const std::string& one) {
    if (known.insert(one).second) names.push_back(one);
  };
  for (const Shape::Part& part : shape.objects)
    if (const auto properties = part.source->json->find("properties"); properties != part.source->json->end())
      for (const auto& [one, unused] : properties->items()) name(one);
  for (const std::string& one : shape.required) name(one);
  if (names.size() > kPropertyCountMax)
    return error_at(shape, "properties", fmt::format("{} are the most that are taken", kPropertyCountMax));
  const std::set<std::string> required(shape.required.begin(), shape.required.end());
  for (const std::string& one : names) {
    const bool needed = required.contains(one);
    bool allowed = !is_in(shape.forbidden, one);
    for (const Source* source : shape.names)
      allowed = allowed && expander_.validity().of(*source, Json(one)) == Verdict::Valid;
    ExprId text = b_.nothing();
    if (allowed) {
      MINERVA_ASSIGN(const Node node, expander_.member_node(shape, one));
      MINERVA_ASSIGN(text, value(node));
    }
    if (text == b_.nothing()) {
      if (!needed) continue;
      expander_.contradict(*shape.literals.front().source, "required",
                           fmt::format("nothing that is allowed fits the name {}", quoted(one)));
      return false;
    }
    plan.members.push_back({b_.sequence({json_.literal_string(one), json_.colon(), text}), needed});
  }
  for (const std::string& one : shape.forbidden) name(one);
  MINERVA_ASSIGN(plan.other, other_members(shape, names));
  return true;
}

Result<ExprId> SchemaCompiler::other_members(const Shape& shape, const std::vector<std::string>& taken) {
  constexpr std::size_t kClassesMax = 64;
  bool named = false;
  bool asked_for = false;
  std::set<std::string> patterns;
  for (const Shape::Part& part : shape.objects) {
    const Json& json = *part.source->json;
    asked_for = asked_for || json.contains("additionalProperties") || json.contains("unevaluatedProperties");
    named =
        named || (json.contains("properties") && !part.source->made) || json.contains("patternProperties");
    if (json.contains("patternProperties"))
      for (const auto& [pattern, unused] : json["patternProperties"].items()) patterns.insert(pattern);
  }
  // Where properties are named, others need to be asked for.
  const bool unmatched_too = asked_for || !named;
  if (!unmatched_too && patterns.empty()) return b_.nothing();
  const auto too_large = [&] {
    return error_at(shape, patterns.empty() ? "additionalProperties" : "patternProperties",
                    "the names become too large an automaton");
  };
  // Without patterns keys are plain ones.
  std::optional<Automaton> all = patterns.empty() ? JsonText::key_values() : Automaton::all();
  for (const Source* source : shape.names) {
    MINERVA_ASSIGN(const Automaton fitting, strings_of({{source, true}}));
    all = all->intersection(fitting);
    if (!all) return too_large();
  }
  if (!taken.empty()) {
    const auto texts = Automaton::of_texts({taken.begin(), taken.end()});
    all = texts ? all->without(*texts) : std::nullopt;
    if (!all) return too_large();
  }
  std::vector<NameClass> classes = {{*std::move(all), false}};
  for (const std::string& pattern : patterns) {
    const auto matching = patterns_.automaton(pattern, false);
    const auto possible = patterns_.automaton(pattern, true);
    if (!matching || !possible)
      return error_at(shape, "patternProperties", (matching ? possible.error() : matching.error()).message);
    std::vector<NameClass> split;
    for (const NameClass& one : classes) {
      auto with = one.names.intersection(**matching);
      auto without = one.names.without(**possible);
      if (!with || !without || split.size() > kClassesMax) return too_large();
      if (!with->empty()) split.push_back({*std::move(with), true});
      if (!without->empty()) split.push_back({*std::move(without), one.matched});
    }
    classes = std::move(split);
  }
  std::vector<ExprId> members;
  for (const NameClass& one : classes) {
    if (one.names.empty() || (!one.matched && !unmatched_too)) continue;
    // One name stands for all of its class.
    MINERVA_ASSIGN(const Node node, expander_.member_node(shape, one.names.shortest()));
    MINERVA_ASSIGN(const ExprId text, value(node));
    if (text == b_.nothing()) continue;
    const bool any = patterns.empty() && shape.names.empty() && taken.empty();
    const auto key = any ? std::optional(json_.key()) : json_.string_of(one.names);
    if (!key) return too_large();
    members.push_back(b_.sequence({*key, json_.colon(), text}));
  }
  return b_.alternatives(members);
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
Result<ExprId> SchemaCompiler::write_members(const ObjectPlan& plan, const Shape& shape) {
  const auto size = static_cast<std::uint32_t>(plan.members.size());
  std::uint32_t required = 0;
  for (const Member& member : plan.members) required += member.required ? 1 : 0;
  if (required > plan.max) return b_.nothing();
  if (plan.min > size + (plan.other == b_.nothing() ? 0 : 1)) {
    return error_at(shape, "minProperties",
                    "only named properties can be counted on: others might have the same key twice");
  }
  const bool counts =
      plan.min > required || plan.max < size || (plan.max != kUnbounded && plan.other != b_.nothing());
  std::map<std::pair<bool, std::uint32_t>, ExprId> next;  // by `any` and `count`
  for (std::uint32_t count = 0; count <= (counts ? size : 1); ++count)
    next[{count > 0, counts ? count : 0}] =
        counts && count > plan.max ? b_.nothing() : write_others(plan, count > 0, counts ? count : required);
  for (std::uint32_t i = size; i-- > 0;) {
    MINERVA_TRY(expander_.step(shape.literals.front().source->pointer));
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
