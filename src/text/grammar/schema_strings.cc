#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "text/grammar/schema_compiler.h"
#include "text/grammar/schema_formats.h"

namespace minerva::grammar {
namespace {

using Term = Shape::Term;

struct Lengths {
  std::uint64_t min = 0;
  std::uint64_t max = 0;  // kUnbounded and more: no end
};

// How many characters what `id` matches can have; classes and literals stand for values as they are.
Lengths lengths_of(const GrammarBuilder& builder, ExprId id) {
  using Kind = GrammarBuilder::Kind;
  const auto& expr = builder.at(id);
  const auto capped = [](std::uint64_t n) { return std::min<std::uint64_t>(n, kUnbounded); };
  Lengths result;
  switch (expr.kind) {
    case Kind::Class:
      return {1, 1};
    case Kind::Repeat: {
      const Lengths part = lengths_of(builder, expr.parts[0]);
      result.min = capped(part.min * expr.min);
      result.max = expr.max == kUnbounded ? (part.max == 0 ? 0 : kUnbounded) : capped(part.max * expr.max);
      return result;
    }
    case Kind::Sequence:
      for (const ExprId part : expr.parts) {
        const Lengths lengths = lengths_of(builder, part);
        result.min = capped(result.min + lengths.min);
        result.max = capped(result.max + lengths.max);
      }
      return result;
    case Kind::Alternatives:
      result.min = kUnbounded;
      for (const ExprId part : expr.parts) {
        const Lengths lengths = lengths_of(builder, part);
        result.min = std::min(result.min, lengths.min);
        result.max = std::max(result.max, lengths.max);
      }
      return result;
    default:
      return {};
  }
}

const char* keyword_of(const Term& term) {
  return term.kind == Term::Kind::Format ? "format" : "pattern";
}

}  // namespace

Result<ExprId> SchemaCompiler::write_string(const Shape& shape) {
  if (shape.min_length > shape.max_length) {
    expander_.contradict(*shape.literals.front().source, "minLength", "it is greater than maxLength");
    return b_.nothing();
  }
  const bool denies = std::ranges::any_of(shape.denied, &Json::is_string);
  if (shape.terms.empty() && !denies) return json_.string(shape.min_length, shape.max_length);
  if (shape.terms.size() == 1 && !denies && shape.terms[0].kind != Term::Kind::NotPattern) {
    MINERVA_ASSIGN(const auto written, write_one_pattern(shape));
    if (written) return json_.quoted(*written);
  }
  MINERVA_ASSIGN(const Automaton values, string_automaton(shape));
  if (values.empty()) {
    const Term* term = shape.terms.empty() ? nullptr : &shape.terms.front();
    expander_.contradict(term == nullptr ? *shape.literals.front().source : *term->source,
                         term == nullptr ? "enum" : keyword_of(*term),
                         "no string fits it and what else is asked for");
    return b_.nothing();
  }
  const auto written = json_.string_of(values);
  if (!written)
    return error_at(shape, "pattern", "together with what else is asked for it becomes too large");
  return *written;
}

// One pattern whose own repetitions keep the lengths, or can be made to; nothing where that takes an
// automaton.
Result<std::optional<ExprId>> SchemaCompiler::write_one_pattern(const Shape& shape) {
  const Term& term = shape.terms.front();
  std::optional<RegexNode> format;
  const RegexNode* tree = nullptr;
  if (term.kind == Term::Kind::Format) {
    MINERVA_ASSIGN(format, parse_regex(*format_regex(term.text), false));
    tree = &*format;
  } else {
    const auto parsed = patterns_.tree(term.text, false);
    if (!parsed) return schema_error(term.source->pointer, "pattern", parsed.error().message);
    tree = *parsed;
  }
  const RegexScope scope = term.kind == Term::Kind::Format ? RegexScope::Whole : RegexScope::Somewhere;
  const auto write = [&](std::uint32_t repeat_max) {
    return regex_expr(*tree, scope, json_.class_writer(), b_, repeat_max);
  };
  if (shape.min_length == 0 && shape.max_length == kUnbounded) return write(kUnbounded);
  GrammarBuilder plain;
  const ClassWriter plain_class = [&](const CodePointSet& set) { return plain.one_of(set); };
  const auto value = regex_expr(*tree, scope, plain_class, plain);
  if (!value) return std::optional<ExprId>();
  const Lengths lengths = lengths_of(plain, *value);
  if (lengths.min >= shape.min_length && lengths.max <= shape.max_length) return write(kUnbounded);
  if (const auto& expr = plain.at(*value); expr.kind == GrammarBuilder::Kind::Repeat &&
                                           plain.at(expr.parts[0]).kind == GrammarBuilder::Kind::Class)
    return b_.repeat(json_.class_writer()(plain.at(expr.parts[0]).set), std::max(shape.min_length, expr.min),
                     std::min(shape.max_length, expr.max));
  // Where an automaton would be too large, shorter repetitions of each part keep the whole short enough.
  constexpr std::uint32_t kCountedMax = 256;
  if (shape.max_length <= kCountedMax || lengths.min < shape.min_length) return std::optional<ExprId>();
  std::uint32_t low = 0;
  std::uint32_t high = std::min<std::uint32_t>(shape.max_length, limits::kGrammarRepeatMax);
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    GrammarBuilder trial;
    const ClassWriter trial_class = [&](const CodePointSet& set) { return trial.one_of(set); };
    const auto shorter = regex_expr(*tree, scope, trial_class, trial, middle);
    if (shorter && !trial.full() && lengths_of(trial, *shorter).max <= shape.max_length)
      low = middle;
    else
      high = middle - 1;
  }
  constexpr std::uint32_t kUsefulMin = 16;
  if (low < kUsefulMin) return std::optional<ExprId>();
  return write(low);
}

Result<Automaton> SchemaCompiler::string_automaton(const Shape& shape) {
  Automaton values = Automaton::all();
  const auto keep = [&](std::optional<Automaton> next, const char* keyword) -> Result<void> {
    if (!next) return error_at(shape, keyword, "together with what else is asked for it becomes too large");
    values = *std::move(next);
    return {};
  };
  for (const Term& term : shape.terms) {
    const bool denied = term.kind == Term::Kind::NotPattern;
    const auto found = term.kind == Term::Kind::Format ? patterns_.format(term.text)
                                                       : patterns_.automaton(term.text, denied);
    if (!found) return schema_error(term.source->pointer, keyword_of(term), found.error().message);
    MINERVA_TRY(keep(denied ? values.without(**found) : values.intersection(**found), keyword_of(term)));
  }
  std::vector<std::string_view> denied;
  for (const Json& value : shape.denied)
    if (value.is_string()) denied.push_back(value.get_ref<const std::string&>());
  if (!denied.empty()) {
    const auto texts = Automaton::of_texts(denied);
    MINERVA_TRY(keep(texts ? values.without(*texts) : std::nullopt, "enum"));
  }
  const std::uint32_t max =
      values.longest().value_or(kUnbounded) <= shape.max_length ? kUnbounded : shape.max_length;
  if (shape.min_length > 0 || max != kUnbounded) {
    const auto lengths = Automaton::of_length(shape.min_length, max);
    MINERVA_TRY(keep(lengths ? values.intersection(*lengths) : std::nullopt,
                     max == kUnbounded ? "minLength" : "maxLength"));
  }
  return values;
}

Result<Automaton> SchemaCompiler::strings_of(const Node& node) {
  MINERVA_ASSIGN(const auto shapes, expander_.expand(node));
  Automaton values;
  for (const Shape& shape : shapes) {
    std::optional<Automaton> some;
    if (shape.values) {
      std::vector<std::string_view> texts;
      for (const Json& value : *shape.values)
        if (value.is_string()) texts.push_back(value.get_ref<const std::string&>());
      some = Automaton::of_texts(texts);
    } else if (has(shape.types, JsonType::String)) {
      MINERVA_ASSIGN(some, string_automaton(shape));
    } else {
      continue;
    }
    auto joined = some ? values.united(*some) : std::nullopt;
    if (!joined)
      return error_at(shape, "pattern", "together with what else is asked for it becomes too large");
    values = *std::move(joined);
  }
  return values;
}

}  // namespace minerva::grammar
