// Prompts compared with what jinja2 and transformers make of the same templates
// (tests/data/chat_templates/make_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/paths.h"
#include "support/temp_dir.h"
#include "text/chat_template/chat_input.h"
#include "text/chat_template/template_error.h"

namespace minerva {
namespace {

using Json = nlohmann::ordered_json;

const std::filesystem::path kData = testing::test_data() / "chat_templates";
constexpr std::time_t kNow = 1721997005;  // 26 July 2024, 12:30:05 UTC

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

const Json& data(const char* name) {
  static std::map<std::string, Json> read;
  auto& json = read[name];
  if (json.is_null()) json = Json::parse(text_of(kData / name));
  return json;
}

std::filesystem::path template_file(const std::string& name) {
  constexpr std::string_view kLlamaCpp = "llama.cpp/";
  if (name.starts_with(kLlamaCpp))
    return testing::llama_source() / "models/templates" / name.substr(kLlamaCpp.size());
  return kData / name;
}

ChatInput input_of(const Json& conversation) {
  const auto json = [&](const char* name) {
    return conversation.contains(name) ? conversation[name].dump() : std::string();
  };
  ChatOptions options{.tools = json("tools"),
                      .documents = json("documents"),
                      .variables = json("variables"),
                      .add_generation_prompt = conversation.at("add_generation_prompt").get<bool>()};
  if (const auto field = conversation.find("continue_final_message"); field != conversation.end())
    options.continue_final_message = field->is_string() ? field->get<std::string>() : "content";
  auto input = chat_input(json("messages"), options);
  EXPECT_TRUE(input) << input.error().message;
  input->now = std::chrono::system_clock::from_time_t(kNow);
  return *input;
}

/// `golden`: {key: prompt}, {"error": the template's own words} or {"fails": another error}.
void expect_like(const std::string& source, const Json& conversation, const Json& golden, const char* key) {
  TemplateLimits limits;
  limits.time_max = std::chrono::seconds(20);  // also on slow machines, instrumented
  const auto parsed = ChatTemplate::parse(
      source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}}, limits);
  if (!parsed) {
    EXPECT_TRUE(golden.contains("fails")) << parsed.error().message;
    return;
  }
  const auto prompt = (*parsed)->render(input_of(conversation));
  if (golden.contains("error")) {
    ASSERT_FALSE(prompt) << *prompt;
    EXPECT_THAT(prompt.error().message,
                ::testing::EndsWith(": " + in_one_line(golden["error"].get<std::string>())));
  } else if (golden.contains("fails")) {
    EXPECT_FALSE(prompt) << "jinja2: " << golden["fails"] << ", ours: " << *prompt;
  } else {
    ASSERT_TRUE(prompt) << prompt.error().message;
    EXPECT_EQ(*prompt, golden.at(key).get<std::string>());
  }
}

/// strftime_now shows local time; the goldens were made for UTC.
class GoldensTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
    setenv("TZ", "UTC", 1);
    tzset();
  }
  void TearDown() override {
    before_.empty() ? unsetenv("TZ") : setenv("TZ", before_.c_str(), 1);
    tzset();
  }

 private:
  std::string before_;
};

TEST_P(GoldensTest, EqualsTransformers) {
  const std::string source = text_of(template_file(GetParam()));
  for (const auto& [name, golden] : data("goldens.json").at(GetParam()).items()) {
    SCOPED_TRACE(name);
    expect_like(source, data("conversations.json").at(name), golden, "prompt");
  }
}

class WalkTest : public GoldensTest {};

TEST_P(WalkTest, EqualsJinja2) {
  const Json& walk = data("walk.json");
  for (const Json& golden : walk.at("chapters").at(GetParam())) {
    const auto source = golden.at("template").get<std::string>();
    SCOPED_TRACE(source);
    expect_like(source, walk.at("conversation"), golden, "is");
  }
}

std::vector<std::string> names_of(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Templates, GoldensTest, ::testing::ValuesIn(names_of(data("goldens.json"))),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Chapters, WalkTest, ::testing::ValuesIn(names_of(data("walk.json").at("chapters"))),
                         test_name);

// What the two files are for.
TEST(Goldens, AreManyAndMostlyPrompts) {
  std::size_t pairs = 0;
  std::size_t errors = 0;
  const auto count = [&](const Json& golden) {
    ++pairs;
    if (golden.contains("error") || golden.contains("fails")) ++errors;
  };
  for (const auto& [name, goldens] : data("goldens.json").items())
    for (const auto& [conversation, golden] : goldens.items()) count(golden);
  for (const auto& [chapter, goldens] : data("walk.json").at("chapters").items())
    for (const auto& golden : goldens) count(golden);
  EXPECT_GE(pairs, 2000U);
  EXPECT_LE(errors * 10, pairs * 4);
}

}  // namespace
}  // namespace minerva
