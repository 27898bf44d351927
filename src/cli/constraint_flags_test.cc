#include <gtest/gtest.h>

#include "cli/flags.h"
#include "support/temp_dir.h"

namespace minerva::cli {
namespace {

using enum OutputConstraint::Kind;

OutputConstraint read(const ConstraintFlags& flags) {
  return read_constraint(flags).value();
}

TEST(ConstraintFlags, EachBecomesItsConstraint) {
  EXPECT_EQ(read({}), OutputConstraint{});
  EXPECT_EQ(read({.json_object = true}), (OutputConstraint{.kind = JsonObject}));
  EXPECT_EQ(read({.regex = "a+"}), (OutputConstraint{.kind = Regex, .text = "a+"}));
  EXPECT_EQ(read({.choices = {"x", "y"}}), (OutputConstraint{.kind = Choice, .choices = {"x", "y"}}));
}

TEST(ConstraintFlags, SchemasAndGrammarsComeAsTheyAreOrFromAFile) {
  EXPECT_EQ(read({.json_schema = " {\"type\":\"null\"}"}).text, " {\"type\":\"null\"}");
  EXPECT_EQ(read({.json_schema = "true"}).kind, JsonSchema);
  EXPECT_EQ(read({.grammar = "root ::= 'a'"}).text, "root ::= 'a'");
  const testing::TempDir folder;
  const auto file = folder.write("rules", "root ::= 'b'\n");
  EXPECT_EQ(read({.grammar = file.string()}), (OutputConstraint{.kind = Grammar, .text = "root ::= 'b'\n"}));
  EXPECT_EQ(read({.json_schema = file.string()}).text, "root ::= 'b'\n");
  EXPECT_EQ(read_constraint({.grammar = "no-such-file"}).error().code, ErrorCode::InvalidRequest);
}

}  // namespace
}  // namespace minerva::cli
