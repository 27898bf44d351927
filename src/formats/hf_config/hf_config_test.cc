#include "formats/hf_config/hf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/limits.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

HfConfig config(std::string_view text) {
  auto parsed = HfConfig::parse(text, "config.json");
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

template <class T>
void expect_error(const Result<T>& result, std::string_view message) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_EQ(result.error().message, message);
  EXPECT_FALSE(result.error().remedy.empty());
}

TEST(HfConfig, ReadsIntegersInRange) {
  struct Case {
    const char* json;
    std::int64_t expected;
  };
  for (const Case& c : {Case{"1", 1}, Case{"512", 512}, Case{"32.0", 32}, Case{"1e2", 100}}) {
    const auto cfg = config(std::string(R"({"n":)") + c.json + "}");
    EXPECT_EQ(cfg.require_int("n", 1, 512).value(), c.expected) << c.json;
    EXPECT_EQ(cfg.int_or("n", 7, 1, 512).value(), c.expected) << c.json;
    EXPECT_EQ(cfg.optional_int("n", 1, 512).value(), c.expected) << c.json;
  }
}

TEST(HfConfig, SaysWhatIsWrongWithAnInteger) {
  struct Case {
    const char* json;
    const char* found;
  };
  for (const Case& c : {Case{"0", "0"}, Case{"513", "513"}, Case{"-1", "-1"}, Case{"1.5", "1.5"},
                        Case{"true", "true"}, Case{R"("12")", "the string '12'"}, Case{"[1]", "a list of 1"},
                        Case{"{}", "an object"}, Case{"18446744073709551615", "18446744073709551615"},
                        Case{"1e300", "1e+300"}, Case{"Infinity", "inf"}, Case{"NaN", "nan"}}) {
    const auto cfg = config(std::string(R"({"n":)") + c.json + "}");
    const auto message =
        std::string("'config.json': field 'n' is ") + c.found + "; expected an integer from 1 to 512";
    expect_error(cfg.require_int("n", 1, 512), message);
    expect_error(cfg.int_or("n", 7, 1, 512), message);
    expect_error(cfg.optional_int("n", 1, 512), message);
  }
}

TEST(HfConfig, ReadsTheWholeRangeOfIntegers) {
  const auto cfg = config(R"({"low":-9223372036854775808,"high":9223372036854775807})");
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(cfg.require_int("low", kMin, HfConfig::kIntMax).value(), kMin);
  EXPECT_EQ(cfg.require_int("high", kMin, HfConfig::kIntMax).value(), HfConfig::kIntMax);
  expect_error(cfg.require_int("low", 1, HfConfig::kIntMax),
               "'config.json': field 'low' is -9223372036854775808; expected an integer of at least 1");
}

TEST(HfConfig, ReadsFloatsAsPythonWritesThem) {
  struct Case {
    const char* json;
    double expected;
  };
  for (const Case& c :
       {Case{"1e-06", 1e-6}, Case{"10000", 10000}, Case{"Infinity", kInfinity}, Case{"-Infinity", -kInfinity},
        Case{R"({"__float__":"Infinity"})", kInfinity}, Case{R"({"__float__": "-Infinity"})", -kInfinity}}) {
    const auto cfg = config(std::string(R"({"f":)") + c.json + "}");
    EXPECT_EQ(cfg.require_float("f", -kInfinity, kInfinity).value(), c.expected) << c.json;
  }
}

TEST(HfConfig, KeepsFloatsInRange) {
  expect_error(config(R"({"f":NaN})").require_float("f", -kInfinity, kInfinity),
               "'config.json': field 'f' is nan; expected a number");
  expect_error(config(R"({"f":Infinity})").float_or("f", 0, 0, HfConfig::kFloatMax),
               "'config.json': field 'f' is inf; expected a number of at least 0");
  expect_error(config(R"({"f":2})").optional_float("f", 0, 1),
               "'config.json': field 'f' is 2; expected a number from 0 to 1");
  expect_error(config(R"({"f":"1"})").require_float("f", 0, 1),
               "'config.json': field 'f' is the string '1'; expected a number from 0 to 1");
}

TEST(HfConfig, LeavesStringsThatLookLikePythonFloatsAlone) {
  const auto cfg = config(R"({"s":"NaN, \"Infinity\"","NaN":"\\"})");
  EXPECT_EQ(cfg.require_string("s").value(), "NaN, \"Infinity\"");
  EXPECT_EQ(cfg.require_string("NaN").value(), "\\");
}

// Python lets escapes of half a pair be, and no text can hold them.
TEST(HfConfig, TakesLoneSurrogatesForUnknownCharacters) {
  struct Case {
    const char* json;
    const char* expected;
  };
  for (const Case& c :
       {Case{R"(\ud83d)", "\uFFFD"}, Case{R"(a\uD83Db)", "a\uFFFDb"}, Case{R"(\ude42)", "\uFFFD"},
        Case{R"(\ud83d\ud83d\ude42)", "\uFFFD\U0001F642"}, Case{R"(\ude42\ud83d)", "\uFFFD\uFFFD"},
        Case{R"(\ud83d\n)", "\uFFFD\n"}, Case{R"(\ud83d\ude42)", "\U0001F642"}, Case{R"(\\ud83d)", "\\ud83d"},
        Case{R"(\u00e9\"\ud83d\")", "é\"\uFFFD\""}}) {
    const auto cfg = config(std::string(R"({"s":")") + c.json + "\"}");
    EXPECT_EQ(cfg.require_string("s").value(), c.expected) << c.json;
  }
  EXPECT_EQ(config("{\"\\ud83d\":1,\"x\":NaN}").keys().size(), 2U);
  for (const char* cut : {R"({"s":"\ud83)", R"({"s":"\ud83"})", R"({"s":"\u)", R"({"s":"\)"}) {
    EXPECT_FALSE(HfConfig::parse(cut, "config.json")) << cut;
  }
}

TEST(HfConfig, TakesTheFirstNameThatIsGiven) {
  const auto cfg = config(R"({"num_hidden_layers":null,"n_layer":12,"layers":24})");
  EXPECT_EQ(cfg.require_int({"num_hidden_layers", "n_layer", "layers"}, 1, 512).value(), 12);
  expect_error(cfg.require_int({"hidden_size", "n_embd"}, 1, 100),
               "'config.json': field 'hidden_size' or 'n_embd' is missing");
  expect_error(cfg.require_int({"hidden_size", "num_hidden_layers"}, 1, 100),
               "'config.json': field 'num_hidden_layers' is null; a value is required");
}

TEST(HfConfig, NullCountsAsNotGiven) {
  const auto cfg = config(R"({"x":null})");
  EXPECT_FALSE(cfg.has("x"));
  EXPECT_TRUE(cfg.is_null("x"));
  EXPECT_FALSE(cfg.is_null("y"));
  EXPECT_EQ(cfg.int_or("x", -5, 0, 10).value(), -5);
  EXPECT_EQ(cfg.float_or("x", 0.5, 1, 2).value(), 0.5);
  EXPECT_TRUE(cfg.bool_or("x", true).value());
  EXPECT_EQ(cfg.string_or("x", "silu").value(), "silu");
  EXPECT_EQ(cfg.optional_int("x", 0, 1).value(), std::nullopt);
  EXPECT_EQ(cfg.optional_float("x", 0, 1).value(), std::nullopt);
  EXPECT_FALSE(cfg.object("x").value().has_value());
  EXPECT_THAT(cfg.int_list("x", 0, 1).value(), IsEmpty());
}

TEST(HfConfig, ReadsBooleansAndStrings) {
  const auto cfg = config(R"({"b":false,"s":"gelu","i":1})");
  EXPECT_FALSE(cfg.bool_or("b", true).value());
  EXPECT_FALSE(cfg.require_bool("b").value());
  EXPECT_EQ(cfg.string_or("s", "").value(), "gelu");
  expect_error(cfg.bool_or("i", true), "'config.json': field 'i' is 1; expected true or false");
  expect_error(cfg.require_string("i"), "'config.json': field 'i' is 1; expected a string");
  expect_error(cfg.require_bool("c"), "'config.json': field 'c' is missing");
}

TEST(HfConfig, ReadsLists) {
  const auto cfg = config(R"({"ids":[1,2,3],"one":7,"mixed":[1,"a"],"types":["a","b"],"f":[1,2.5,Infinity],
      "flags":[true,false],"objects":[{"k":1},{"k":2}],"empty":[]})");
  EXPECT_THAT(cfg.int_list("ids", 0, 3).value(), ElementsAre(1, 2, 3));
  EXPECT_THAT(cfg.int_list("one", 0, 7).value(), ElementsAre(7));
  EXPECT_THAT(cfg.int_list("empty", 0, 7).value(), IsEmpty());
  EXPECT_THAT(cfg.int_list("absent", 0, 7).value(), IsEmpty());
  EXPECT_THAT(cfg.string_list("types").value(), ElementsAre("a", "b"));
  EXPECT_THAT(cfg.float_list("f", 0, kInfinity).value(), ElementsAre(1.0, 2.5, kInfinity));
  EXPECT_THAT(cfg.bool_list("flags").value(), ElementsAre(true, false));
  const auto objects = cfg.object_list("objects").value();
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[1].require_int("k", 0, 9).value(), 2);
  expect_error(cfg.int_list("mixed", 0, 9),
               "'config.json': field 'mixed[1]' is the string 'a'; expected an integer from 0 to 9");
  expect_error(cfg.int_list("ids", 0, 2),
               "'config.json': field 'ids[2]' is 3; expected an integer from 0 to 2");
  expect_error(objects[0].require_int("n", 0, 9), "'config.json': field 'objects[0].n' is missing");
}

TEST(HfConfig, ReadsNestedObjects) {
  const auto cfg =
      config(R"({"rope_parameters":{"full_attention":{"rope_theta":1e6},"sliding_attention":null}})");
  ASSERT_TRUE(cfg.is_object("rope_parameters"));
  const auto rope = cfg.require_object({"rope_parameters", "rope_scaling"}).value();
  EXPECT_THAT(rope.keys(), ElementsAre("full_attention", "sliding_attention"));
  EXPECT_TRUE(rope.is_null("sliding_attention"));
  const auto full = rope.object("full_attention").value();
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->require_float("rope_theta", 1, 1e9).value(), 1e6);
  expect_error(full->require_float("factor", 1, 2),
               "'config.json': field 'rope_parameters.full_attention.factor' is missing");
  expect_error(
      rope.require_int("full_attention", 0, 1),
      "'config.json': field 'rope_parameters.full_attention' is an object; expected an integer from 0 to 1");
  EXPECT_TRUE(full->root().has("rope_parameters"));
}

TEST(HfConfig, APythonFloatIsNoObject) {
  const auto cfg = config(R"({"x":{"__float__":"Infinity"},"y":{"__float__":"other"}})");
  EXPECT_FALSE(cfg.is_object("x"));
  EXPECT_TRUE(cfg.is_object("y"));
  expect_error(cfg.object("x"), "'config.json': field 'x' is inf; expected an object");
}

TEST(HfConfig, FindsTheTextSection) {
  const auto nested = config(R"({"model_type":"gemma3","text_config":{"model_type":"gemma3_text"}})");
  EXPECT_EQ(nested.text().value().require_string("model_type").value(), "gemma3_text");
  const auto flat = config(R"({"model_type":"llama"})");
  EXPECT_EQ(flat.text().value().require_string("model_type").value(), "llama");
  expect_error(config(R"({"text_config":3})").text(),
               "'config.json': field 'text_config' is 3; expected an object");
}

TEST(HfConfig, ReadsTheStoredType) {
  struct Case {
    const char* json;
    const char* expected;
  };
  for (const Case& c :
       {Case{R"({"dtype":"bfloat16","torch_dtype":"float32"})", "bfloat16"},
        Case{R"({"torch_dtype":"torch.float16"})", "float16"}, Case{R"({"dtype":"auto"})", ""},
        Case{R"({"dtype":{"text_config":"float16"}})", ""}, Case{"{}", ""}}) {
    EXPECT_EQ(config(c.json).dtype().value(), c.expected) << c.json;
  }
  expect_error(config(R"({"dtype":16})").dtype(), "'config.json': field 'dtype' is 16; expected a string");
}

TEST(HfConfig, WritesErrorsForItsCallers) {
  const auto cfg = config(R"({"head_dim":15})");
  EXPECT_EQ(cfg.error("head_dim", "is 15, which is odd").error().message,
            "'config.json': field 'head_dim' is 15, which is odd");
  EXPECT_TRUE(cfg.require("head_dim"));
  expect_error(cfg.require({"hidden_size", "n_embd"}),
               "'config.json': field 'hidden_size' or 'n_embd' is missing");
}

TEST(HfConfig, SubObjectsKeepTheFileAlive) {
  std::optional<HfConfig> rope;
  {
    rope = config(R"({"rope":{"theta":1}})").require_object("rope").value();
  }
  EXPECT_EQ(rope->require_int("theta", 0, 1).value(), 1);
}

TEST(HfConfig, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(config(R"({"n":1,"n":2})").require_int("n", 0, 9).value(), 2);
}

TEST(HfConfig, RefusesWhatIsNoJsonObject) {
  for (const char* text :
       {"", " \n", "{", R"({"a":)", R"({"a":1)", "nul", "{\"a\":\"\xff\"}", "{'a':1}", "{}x",
        R"({"a":1e400})", "\"", "\"\\", R"({"a":-NaN})",
        "{\"01234567890123456789012345678901234567890123456789012345678901234567890123456789\"x"}) {
    const auto result = HfConfig::parse(text, "config.json");
    ASSERT_FALSE(result) << text;
    EXPECT_THAT(result.error().message, HasSubstr("'config.json' is not valid JSON")) << text;
    EXPECT_LT(result.error().message.size(), 200U) << text;
  }
  for (const char* text : {"[]", "3", "null", "\"x\""}) {
    const auto result = HfConfig::parse(text, "config.json");
    ASSERT_FALSE(result) << text;
    EXPECT_THAT(result.error().message, HasSubstr("expected an object")) << text;
  }
}

TEST(HfConfig, LimitsDepth) {
  const auto nested = [](std::size_t depth) {
    std::string text = R"({"a":)";
    text.append(depth - 1, '[').append(depth - 1, ']');
    return text + "}";
  };
  EXPECT_TRUE(HfConfig::parse(nested(limits::kJsonDepthMax), "config.json"));
  expect_error(HfConfig::parse(nested(limits::kJsonDepthMax + 1), "config.json"),
               "'config.json' is nested deeper than 64 levels");
  expect_error(HfConfig::parse(std::string(1'000'000, '['), "config.json"),
               "'config.json' is nested deeper than 64 levels");
  // Brackets in strings are text.
  EXPECT_TRUE(HfConfig::parse(R"({"a":")" + std::string(1000, '[') + "\"}", "config.json"));
}

TEST(HfConfig, OpensAFileOrItsDirectory) {
  const testing::TempDir dir;
  const auto path = dir.write("config.json", R"({"a":1})");
  EXPECT_EQ(HfConfig::open(path).value().require_int("a", 0, 1).value(), 1);
  EXPECT_EQ(HfConfig::open(dir.path()).value().require_int("a", 0, 1).value(), 1);
  EXPECT_EQ(HfConfig::open(dir.path()).value().file(), "config.json");
  EXPECT_FALSE(HfConfig::open(dir.path() / "missing.json"));
  dir.write("config.json", std::string(limits::kConfigBytesMax + 1, ' '));
  EXPECT_FALSE(HfConfig::open(path));
}

}  // namespace
}  // namespace minerva
