#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Fixture {
  Arguments arguments;
  std::optional<std::string> model, text, prompt, system;
  std::vector<std::string> stops;
  bool json = false;
  int verbose = 0;

  Fixture() {
    arguments.text("-p,--prompt", "TEXT", "the prompt", Listed::InShort, prompt);
    arguments.text("-sys,--system", "TEXT", "the system prompt", Listed::InShort, system);
    arguments.list("--stop,-r", "TEXT", "stop", Listed::InFull,
                   [this](std::string_view, const std::string& value) {
                     if (value == "bad") return Result<void>(invalid_request("--stop: bad", "Do not."));
                     stops.push_back(value);
                     return Result<void>{};
                   });
    arguments.toggle("--json", "json", Listed::InShort, json);
    arguments.counter("-v,--verbose", "more", Listed::InShort, verbose);
    arguments.positional("MODEL", model);
    arguments.positional("TEXT", text);
  }
  Result<void> parse(std::vector<std::string> list) { return arguments.parse(std::move(list)); }
};

TEST(Arguments, TakesFlagsAndPositionalsInAnyOrder) {
  Fixture f;
  ASSERT_TRUE(f.parse({"--json", "m.gguf", "-p", "hi", "two words", "-vv", "--stop", "a", "-r", "b"}));
  EXPECT_EQ(f.model, "m.gguf");
  EXPECT_EQ(f.text, "two words");
  EXPECT_EQ(f.prompt, "hi");
  EXPECT_TRUE(f.json);
  EXPECT_EQ(f.verbose, 2);
  EXPECT_THAT(f.stops, ElementsAre("a", "b"));
}

// Values reach us byte for byte, whatever they look like.
TEST(Arguments, KeepsOddValues) {
  for (const std::string odd : {"", "{}", "[1,2]", "-5", "--json", "-", "--", "++", "a=b", "\"quoted\"", "%%",
                                "a,b", " lead", "line\nbreak", "-sys", "--stop="}) {
    Fixture f;
    ASSERT_TRUE(f.parse({"-p", odd})) << odd;
    EXPECT_EQ(f.prompt, odd);
    EXPECT_FALSE(f.json) << odd;
    Fixture g;
    ASSERT_TRUE(g.parse({"--prompt=" + odd})) << odd;
    EXPECT_EQ(g.prompt, odd);
    Fixture h;
    const auto after = h.parse({"--", "m", odd});
    ASSERT_TRUE(after) << odd << ": " << after.error().message;
    EXPECT_EQ(h.text, odd);
    Fixture i;
    ASSERT_TRUE(i.parse({"--stop", odd, "--stop", "b"})) << odd;
    EXPECT_THAT(i.stops, ElementsAre(odd, "b"));
  }
  for (const std::string odd : {"", "{}", "[1,2]", "-", "++", "a=b", "run", "%%"}) {
    Fixture f;
    ASSERT_TRUE(f.parse({"m", odd})) << odd;
    EXPECT_EQ(f.text, odd);
  }
}

TEST(Arguments, LastValueCounts) {
  Fixture f;
  ASSERT_TRUE(f.parse({"-p", "one", "--prompt", "two"}));
  EXPECT_EQ(f.prompt, "two");
}

TEST(Arguments, KnowsLongNamesAfterOneDash) {
  Fixture f;
  ASSERT_TRUE(f.parse({"-sys", "Be brief."}));
  EXPECT_EQ(f.system, "Be brief.");
}

// What looks like one name of several letters is one: no letter of it is taken for a flag with a value.
TEST(Arguments, TakesNoNamesApart) {
  for (const char* name : {"-ngl", "-hf", "-fa", "-ctk", "-mli", "-pps", "-pq", "-vx", "-rope", "-px-y"}) {
    for (const bool with_equals : {false, true}) {
      Fixture f;
      const auto result = f.parse({"m", std::string(name) + (with_equals ? "=99" : ""), "99"});
      ASSERT_FALSE(result) << name;
      EXPECT_THAT(result.error().message, HasSubstr("'" + std::string(name) + "'"));
      EXPECT_EQ(f.prompt, std::nullopt);
    }
  }
  // Letters that are flags: switches, and one with its value.
  Fixture f;
  ASSERT_TRUE(f.parse({"-vv", "-p5", "-rA b", "-vr", "c"}));
  EXPECT_EQ(f.verbose, 3);
  EXPECT_EQ(f.prompt, "5");
  EXPECT_THAT(f.stops, ElementsAre("A b", "c"));
  Fixture g;
  ASSERT_TRUE(g.parse({"m", "- an item of a list", "-sys=Be brief."}));
  EXPECT_EQ(g.system, "Be brief.");
  EXPECT_EQ(g.text, "- an item of a list");
}

TEST(Arguments, SaysWhatIsWrong) {
  struct Case {
    std::vector<std::string> arguments;
    std::string message;
    std::string remedy;
  };
  const std::vector<Case> cases = {
      {{"--promt", "x"}, "unknown option '--promt'", "Did you mean --prompt?"},
      {{"--promt=x"}, "unknown option '--promt'", "Did you mean --prompt?"},
      {{"--nothing"}, "unknown option '--nothing'", "--help-all"},
      {{"-x"}, "unknown option '-x'", "--help-all"},
      {{"m", "why", "is"}, "unexpected argument 'is'", "quotes"},
      {{"-p"}, "'-p' needs a value", "--prompt TEXT"},
      {{"--stop", "bad"}, "--stop: bad", "Do not."},
      {{"--json=maybe"}, "'--json' takes no value", "without"},
  };
  for (const Case& c : cases) {
    Fixture f;
    const auto result = f.parse(c.arguments);
    ASSERT_FALSE(result) << c.message;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
    EXPECT_THAT(result.error().remedy, HasSubstr(c.remedy));
  }
}

TEST(Arguments, ListsFlagsForHelp) {
  Fixture f;
  ASSERT_EQ(f.arguments.flags().size(), 5U);
  EXPECT_THAT(f.arguments.flags()[1].names, ElementsAre("-sys", "--system"));
  EXPECT_EQ(f.arguments.flags()[3].value, "");
  EXPECT_THAT(f.arguments.positionals(), ElementsAre("MODEL", "TEXT"));
}

}  // namespace
}  // namespace minerva::cli
