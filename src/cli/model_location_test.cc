#include "cli/model_location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/model_names.h"
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
      {{.positional = "a", .flag = "b"}, {}, "given twice", "once"},
      {{.positional = "meta/llama-3", .flag = {}}, {}, "'meta/llama-3'", "hf download meta/llama-3"},
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

TEST(ModelLocation, AFolderOfOneGgufIsThatFile) {
  const TempDir dir;
  EXPECT_EQ(*locate_model({.positional = dir.path().string(), .flag = {}}, "run", {}), dir.path());
  const auto file = dir.write("model.gguf", "GGUF");
  dir.write("mmproj.gguf", "GGUF");
  dir.write("README.md", "x");
  EXPECT_EQ(locate_model({.positional = dir.path().string(), .flag = {}}, "run", {})->filename(),
            "model.gguf");
  EXPECT_EQ(locate_model({}, "run", {.from_environment = dir.path().string(), .folders = {}})->filename(),
            "model.gguf");
  dir.write("other.gguf", "GGUF");
  EXPECT_EQ(*locate_model({.positional = dir.path().string(), .flag = {}}, "run", {}), dir.path())
      << "describe() names both";
}

// What is typed as a model out of habit, and what then helps.
TEST(ModelNames, GetTheCommandThatHelps) {
  struct Case {
    std::string typed;
    std::string advice;
  };
  const std::vector<Case> cases = {
      {"Qwen/Qwen3-0.6B", "hf download Qwen/Qwen3-0.6B --local-dir Qwen3-0.6B && minerva run Qwen3-0.6B"},
      {"hf.co/org/name:Q8_0", "hf download org/name --include \"*Q8_0*\" --local-dir name"},
      {"hf://org/name", "hf download org/name --local-dir name"},
      {"huggingface.co/org/name", "hf download org/name --local-dir name"},
      {"https://huggingface.co/org/name/tree/main", "hf download org/name --local-dir name"},
      {"org/name-GGUF", "--include \"*Q4_K_M*\""},
      {"https://huggingface.co/o/n/resolve/main/x.gguf",
       "curl -L -O https://huggingface.co/o/n/resolve/main/x.gguf"},
      {"llama3.2", "`ollama show llama3.2 --modelfile`"},
      {"qwen3:8b", "`ollama show qwen3:8b --modelfile`"},
      {"models/org/name", "Check the path"},
      {"org/model.gguf", "Check the path"},
      {"model.gguf", "Check the path"},
      {"./org/name", "Check the path"},
      {"~/name", "Check the path"},
      {"https://example.org/org/name", "Check the path"},
  };
  for (const Case& c : cases) EXPECT_THAT(advice_on_name(c.typed, "run", {}), HasSubstr(c.advice)) << c.typed;
}

TEST(ModelNames, AreFoundInTheHubsCache) {
  const TempDir cache;
  const auto snapshots = cache.path() / "models--org--name" / "snapshots";
  std::filesystem::create_directories(snapshots / "abc");
  EXPECT_THAT(advice_on_name("org/name", "chat", {cache.path()}),
              HasSubstr("minerva chat " + (snapshots / "abc").string()));
  std::filesystem::create_directories(snapshots / "def");
  std::filesystem::create_directories(cache.path() / "models--org--name" / "refs");
  cache.write("models--org--name/refs/main", "def");
  EXPECT_THAT(advice_on_name("org/name", "chat", {"/nonexistent", cache.path()}),
              HasSubstr("minerva chat " + (snapshots / "def").string()));
}

}  // namespace
}  // namespace minerva::cli
