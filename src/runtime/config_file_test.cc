#include "runtime/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "support/temp_dir.h"

namespace minerva {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(ConfigFile, ReadsEveryKey) {
  const auto config = parse_config(R"({
    "backend": ["native", "auto"], "memory_limit": "2G", "keep_alive": "1.5h",
    "models": {"/m/a.gguf": {"backend": "llama, native", "keep_alive": -1}, "b": {"keep_alive": 0.25}}})",
                                   "/c/config.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->backends, ElementsAre("native", "auto"));
  EXPECT_EQ(config->memory_limit_bytes, 2ULL << 30U);
  EXPECT_EQ(config->keep_alive, 90min);
  ASSERT_NE(config->find("/m/a.gguf"), nullptr);
  EXPECT_THAT(config->find("/m/a.gguf")->backends, ElementsAre("llama", "native"));
  EXPECT_LT(*config->find("/m/a.gguf")->keep_alive, 0ms);
  ASSERT_NE(config->find("/c/b"), nullptr) << "relative to the file's folder";
  EXPECT_EQ(config->find("/c/b")->keep_alive, 250ms);
  EXPECT_EQ(config->find("/c/other"), nullptr);
  EXPECT_TRUE(parse_config("{}", "c")->backends.empty());
  EXPECT_EQ(parse_config(R"({"memory_limit": 5000000000})", "c")->memory_limit_bytes, 5'000'000'000U);
}

TEST(ConfigFile, FollowsLinksToModels) {
  const testing::TempDir dir;
  const auto model = dir.write("model.gguf", "");
  std::filesystem::create_symlink(model, dir.path() / "link");
  const auto config = parse_config(R"({"models": {"link": {"backend": "native"}}})", dir.path() / "c.json");
  EXPECT_NE(config->find(model), nullptr);
}

struct WrongCase {
  const char* text;
  const char* says;
};

TEST(ConfigFile, ErrorsNameFileAndKey) {
  const WrongCase cases[] = {
      {"", "is no JSON"},
      {"{", "is no JSON"},
      {"[]", "holds no object"},
      {R"({"bakend": "llama"})", "'c.json', key bakend is not known"},
      {R"({"backend": 1})", "key backend: a name or a list"},
      {R"({"backend": "cuda"})", "key backend: 'cuda' is no backend"},
      {R"({"backend": ["llama", 1]})", "key backend: a list of names"},
      {R"({"memory_limit": true})", "key memory_limit: a number of bytes"},
      {R"({"memory_limit": -1})", "key memory_limit: a number of bytes"},
      {R"({"memory_limit": 1.5})", "key memory_limit: a number of bytes"},
      {R"({"memory_limit": "much"})", "key memory_limit: 'much'"},
      {R"({"keep_alive": []})", "key keep_alive: a number of seconds"},
      {R"({"keep_alive": "soon"})", "key keep_alive: 'soon' is not a time"},
      {R"({"keep_alive": NaN})", "key keep_alive: a number of seconds"},
      {R"({"models": []})", "key models: an object"},
      {R"({"models": {"a": 1}})", "models.\"a\": an object"},
      {R"({"models": {"a": {"backnd": ""}}})", "key models.\"a\".backnd is not known"},
      {R"({"models": {"a": {"backend": "x"}}})", "key models.\"a\".backend: 'x' is no backend"},
      {R"({"models": {"a": {"keep_alive": {}}}})", "key models.\"a\".keep_alive: a number"},
  };
  for (const auto& [text, says] : cases) {
    const auto config = parse_config(text, "c.json");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::InvalidRequest) << text;
    EXPECT_THAT(config.error().message, HasSubstr(says));
    EXPECT_THAT(config.error().message, HasSubstr("c.json"));
    EXPECT_FALSE(config.error().remedy.empty());
  }
}

TEST(ConfigFile, IsFoundWhereItBelongs) {
  EXPECT_EQ(config_path(environment_of({{"HOME", "/h"}})), "/h/.config/minerva/config.json");
  EXPECT_EQ(config_path(environment_of({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}})),
            "/x/minerva/config.json");
  EXPECT_EQ(config_path(environment_of({{"HOME", "/h"}, {"MINERVA_CONFIG", "/c"}})), "/c");
  EXPECT_TRUE(config_path(environment_of({})).empty());
}

TEST(ConfigFile, MayBeMissingUnlessItIsNamed) {
  const testing::TempDir dir;
  const std::string folder = dir.path().string();
  EXPECT_TRUE(read_config(environment_of({}))->file.empty());
  EXPECT_TRUE(read_config(environment_of({{"XDG_CONFIG_HOME", folder}}))->file.empty());
  EXPECT_EQ(read_config(environment_of({{"MINERVA_CONFIG", folder + "/no"}})).error().code,
            ErrorCode::InvalidRequest);
  EXPECT_FALSE(read_config(environment_of({{"MINERVA_CONFIG", folder}}))) << "a directory";
  dir.write("minerva/config.json", R"({"backend": "native"})");
  EXPECT_THAT(read_config(environment_of({{"XDG_CONFIG_HOME", folder}}))->backends, ElementsAre("native"));
}

}  // namespace
}  // namespace minerva
