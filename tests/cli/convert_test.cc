// `minerva convert` as users start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string model(const char* name) {
  return (test_data() / "models" / name).string();
}

class ConvertCommandTest : public ::testing::Test {
 protected:
  std::string out() const { return (folder_.path() / "x.gguf").string(); }
  Outcome convert(const char* name, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"convert", model(name), "-o", out()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_minerva(std::move(arguments));
  }
  TempDir folder_;
};

TEST_F(ConvertCommandTest, WritesAFileThatMinervaRuns) {
  const Outcome converted = convert("qwen2", {"--json"});
  EXPECT_EQ(converted.status, 0) << converted.err;
  const Json report = Json::parse(converted.out, nullptr, false);
  EXPECT_EQ(report["output"], out());
  EXPECT_EQ(report["architecture"], "qwen2");
  EXPECT_EQ(report["type"], "BF16");
  EXPECT_EQ(report["tokenizer"], true);
  EXPECT_EQ(report["bytes"], fs::file_size(out()));
  EXPECT_TRUE(report["notes"].empty());
  const Outcome answer =
      run_minerva({"run", out(), "The quick brown fox", "--raw", "--temp", "0", "-n", "4", "--json"});
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_EQ(Json::parse(answer.out, nullptr, false)["tokens"].size(), 4U);
}

TEST_F(ConvertCommandTest, KeepsWhatIsThereUnlessForced) {
  EXPECT_EQ(convert("qwen2", {"--type", "Q8_0"}).status, 0);
  const auto bytes = fs::file_size(out());
  const Outcome refused = convert("qwen2");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("exists already"));
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  EXPECT_EQ(fs::file_size(out()), bytes);
  EXPECT_EQ(convert("qwen2", {"--force"}).status, 0);
  EXPECT_NE(fs::file_size(out()), bytes);
}

TEST_F(ConvertCommandTest, NeverReplacesWhatItReads) {
  const TempDir folder;
  const fs::path copy = folder.path() / "model";
  fs::copy(test_data() / "models/qwen2", copy, fs::copy_options::recursive);
  const auto bytes = fs::file_size(copy / "model.safetensors");
  const Outcome refused =
      run_minerva({"convert", copy.string(), "-o", (copy / "model.safetensors").string(), "--force"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("is a file of the directory"));
  EXPECT_EQ(fs::file_size(copy / "model.safetensors"), bytes);
}

TEST_F(ConvertCommandTest, SaysWhatDiffers) {
  const Outcome refused = convert("mistral");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("no sliding window"));
  EXPECT_FALSE(fs::exists(out()));
  const Outcome anyway = convert("mistral", {"--approximate"});
  EXPECT_EQ(anyway.status, 0);
  EXPECT_THAT(anyway.err, HasSubstr("warning: llama.cpp would compute this model differently"));
}

TEST_F(ConvertCommandTest, RefusesATokenizerThatLlamaCppHasNot) {
  const Outcome refused = convert("gemma");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("Unigram"));
  const Outcome without = convert("gemma", {"--no-tokenizer", "--json"});
  EXPECT_EQ(without.status, 0) << without.err;
  EXPECT_EQ(Json::parse(without.out, nullptr, false)["tokenizer"], false);
}

TEST_F(ConvertCommandTest, WrongCallsGetAWayOut) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{"convert"}, "no directory to convert"},
      {{"convert", model("qwen2")}, "no name for the GGUF file"},
      {{"convert", model("qwen2"), "-o", out(), "--type", "q4"}, "--type is 'q4'"},
      {{"convert", model("falcon"), "-o", out()}, "'falcon' is not converted"},
      {{"convert", model("qwen2"), "-o", (folder_.path() / "none" / "x").string()}, "cannot be created"},
  };
  for (const Case& c : cases) {
    const Outcome outcome = run_minerva(c.arguments);
    EXPECT_EQ(outcome.status, 2) << c.message;
    EXPECT_THAT(outcome.err, HasSubstr(c.message));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace minerva::testing
