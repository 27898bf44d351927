// The schema compiler, in three files: references and combinations (schema.cc), objects (schema_object.cc)
// and all other values (schema_values.cc).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "text/grammar/grammar_builder.h"
#include "text/grammar/json_text.h"
#include "text/grammar/schema_json.h"

namespace minerva::grammar {

class SchemaCompiler {
 public:
  SchemaCompiler(const Json& root, GrammarBuilder& builder) : root_(root), b_(builder), json_(builder) {}

  Result<RuleId> run();

 private:
  // A schema whose rule is written later: recursion in the schema is none of ours.
  struct Pending {
    RuleId rule = 0;
    Json schema;
    std::string pointer;
  };

  // schema.cc
  Result<ExprId> compile(const Json& schema, const std::string& pointer);
  Result<ExprId> compile_plain(const Json& schema, const std::string& pointer);
  Result<ExprId> compile_branches(const Json& schema, const char* keyword, const std::string& pointer);
  Result<ExprId> compile_listed(const Json& schema, const std::string& pointer);
  Result<ExprId> compile_type(JsonType type, const Json& schema, const std::string& pointer);
  Result<std::uint8_t> types_meant(const Json& schema, const std::string& pointer) const;
  ExprId literal(const Json& value);
  /// The rule of a schema; equal schemas share one.
  ExprId rule_for(const Json& schema, const std::string& pointer);
  /// Without $ref and allOf at its top. Errors: contradictions, references in a circle.
  Result<Json> flatten(const Json& schema, const std::string& pointer, int depth = 0);
  Result<const Json*> target(const Json& reference, const std::string& pointer) const;
  Result<bool> disjoint(const Json& first, const Json& second, const std::string& pointer, int depth = 0);
  Result<bool> disjoint_objects(const Json& a, const Json& b, const std::string& pointer, int depth);
  Result<void> step(const std::string& pointer);

  // schema_values.cc
  Result<ExprId> compile_string(const Json& schema, const std::string& pointer);
  Result<ExprId> string_value(std::string_view regex, bool search, const char* keyword, const Json& schema,
                              const std::string& pointer);
  Result<ExprId> compile_number(const Json& schema, const std::string& pointer, bool integer);
  Result<ExprId> compile_integer(const Json& schema, const std::string& pointer);
  Result<ExprId> compile_array(const Json& schema, const std::string& pointer);

  // schema_object.cc
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
  Result<ExprId> compile_object(const Json& schema, const std::string& pointer);
  Result<bool> plan_members(const Json& schema, const std::string& pointer, ObjectPlan& plan);
  Result<ExprId> other_members(const Json& schema, const std::string& pointer,
                               const std::vector<std::string>& names);
  Result<ExprId> write_object(const ObjectPlan& plan, const std::string& pointer);
  ExprId write_others(const ObjectPlan& plan, bool any, std::uint32_t count);

  const Json& root_;
  GrammarBuilder& b_;
  JsonText json_;
  std::map<std::string, RuleId> rules_;  // by the schema, written down
  std::deque<Pending> pending_;
  std::size_t steps_ = 0;
};

}  // namespace minerva::grammar
