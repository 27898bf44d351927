// From shapes to a grammar: references between values (schema.cc) and each type of value (schema_strings.cc,
// schema_numbers.cc, schema_arrays.cc, schema_objects.cc).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "text/grammar/grammar_builder.h"
#include "text/grammar/json_text.h"
#include "text/grammar/schema_expand.h"

namespace minerva::grammar {

class SchemaCompiler {
 public:
  SchemaCompiler(Document& document, GrammarBuilder& builder)
      : document_(document), b_(builder), json_(builder), expander_(document, patterns_, builder) {}

  Result<RuleId> run();

 private:
  // A value whose rule is written later: recursion in the schema is none of ours.
  struct Pending {
    RuleId rule = 0;
    std::vector<Shape> shapes;
  };

  // schema.cc
  /// What fits all of the given node's schemas; equal nodes share it.
  Result<ExprId> value(const Node& given);
  /// Without what says nothing, and references alone followed. False: nothing can fit.
  Result<bool> simplify(Node& node);
  Result<ExprId> write(const std::vector<Shape>& shapes);
  Result<ExprId> write(const Shape& shape, JsonType type);
  ExprId literal(const Json& value);
  std::unexpected<Error> error_at(const Shape& shape, std::string_view keyword, std::string_view what) const;

  // schema_strings.cc
  Result<ExprId> write_string(const Shape& shape);
  Result<std::optional<ExprId>> write_one_pattern(const Shape& shape);
  Result<Automaton> string_automaton(const Shape& shape);
  /// The strings that fit a node.
  Result<Automaton> strings_of(const Node& node);

  // schema_numbers.cc
  Result<ExprId> write_number(const Shape& shape);
  Result<ExprId> write_integer(const Shape& shape);
  Result<ExprId> restricted(const Shape& shape, const GrammarBuilder& from, ExprId numbers);

  // schema_arrays.cc
  Result<ExprId> write_array(const Shape& given);
  Result<ExprId> write_unique(const Shape& shape);
  Result<ExprId> write_containing(const Shape& shape, std::uint32_t max);
  Result<std::optional<std::vector<Json>>> finite_values(const Node& node);
  ExprId write_ordered(const std::vector<ExprId>& items, std::uint32_t min, std::uint32_t max);
  ExprId write_any_order(const std::vector<ExprId>& items, std::uint32_t min, std::uint32_t max);

  // schema_objects.cc
  struct Member {
    ExprId text = 0;  // key, colon and value
    bool required = false;
  };
  struct ObjectPlan {
    std::vector<Member> members;
    ExprId other = 0;  // a member that is not named; nothing() where there is none
    std::uint32_t min = 0;
    std::uint32_t max = kUnbounded;
  };
  Result<ExprId> write_object(const Shape& shape);
  Result<bool> plan_members(const Shape& shape, ObjectPlan& plan);
  Result<ExprId> other_members(const Shape& shape, const std::vector<std::string>& taken);
  Result<ExprId> write_members(const ObjectPlan& plan, const Shape& shape);
  ExprId write_others(const ObjectPlan& plan, bool any, std::uint32_t count);

  Document& document_;
  GrammarBuilder& b_;
  JsonText json_;
  Patterns patterns_;
  Expander expander_;
  std::map<Node, ExprId> known_;
  std::deque<Pending> pending_;
};

}  // namespace minerva::grammar
