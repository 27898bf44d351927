#include "cli/model_location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.h"

namespace minerva::cli {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

TEST(ModelLocation, TakesThePathAsTyped) {
  const TempDir dir;
  const auto file = dir.write("model.gguf", "x");
  EXPECT_EQ(*locate_model({.positional = file.string(), .flag = {}}, "run", {}), file);
  EXPECT_EQ(*locate_model({.positional = {}, .flag = file.string()}, "run", {}), file);
}

TEST(ModelLocation, SearchesTheDefaultInOrder) {
  const TempDir first;
  const TempDir second;
  DefaultModelSearch search{.from_environment = {}, .folders = {first.path(), second.path()}};
  const auto in_second = second.write(kDefaultModelFile, "x");
  EXPECT_EQ(*locate_model({}, "run", search), in_second);
  const auto in_first = first.write(kDefaultModelFile, "x");
  EXPECT_EQ(*locate_model({}, "run", search), in_first);
  const auto other = second.write("other.gguf", "x");
  search.from_environment = other.string();
  EXPECT_EQ(*locate_model({}, "run", search), other);
}

TEST(ModelLocation, SaysWhatIsWrong) {
  const TempDir dir;
  dir.write("Llama-3.gguf", "x");
  const std::string in_dir = (dir.path() / "lama-3.gguf").string();
  const DefaultModelSearch nowhere{.from_environment = {}, .folders = {dir.path() / "none"}};
  struct Case {
    ModelFlags flags;
    DefaultModelSearch search;
    std::string message, remedy;
  };
  const std::vector<Case> cases = {
      {{}, nowhere, dir.path().string() + "/none", "MINERVA_MODEL"},
      {{},
       {.from_environment = "/nowhere/x.gguf", .folders = {}},
       "MINERVA_MODEL is '/nowhere/x.gguf'",
       "first argument"},
      {{.positional = "Why is the sky blue?", .flag = {}},
       {},
       "first argument is the model",
       "minerva run -p \"Why is the sky blue?\""},
      {{.positional = "a", .flag = "b"}, {}, "given twice", "-p"},
      {{.positional = "meta/llama-3", .flag = {}}, {}, "'meta/llama-3'", "hub ids"},
      {{.positional = in_dir, .flag = {}},
       {},
       "lama-3.gguf",
       "Did you mean " + (dir.path() / "Llama-3.gguf").string()},
      {{.positional = "", .flag = {}}, {}, "empty", "path"},
  };
  for (const Case& c : cases) {
    const auto result = locate_model(c.flags, "run", c.search);
    ASSERT_FALSE(result) << c.message;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(result.error().message, HasSubstr(c.message));
    EXPECT_THAT(result.error().remedy, HasSubstr(c.remedy));
  }
}

}  // namespace
}  // namespace minerva::cli
