// Prompts compared with what jinja2 makes of the same templates (tests/data/chat_templates/make_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_dir.h"
#include "text/chat_template/chat_template.h"

namespace minerva {
namespace {

using nlohmann::json;

const std::filesystem::path kData = std::filesystem::path(MINERVA_TEST_DATA) / "chat_templates";
constexpr std::time_t kNow = 1721997005;  // 26 July 2024, 12:30:05 UTC

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path template_file(const std::string& name) {
  constexpr std::string_view kLlamaCpp = "llama.cpp/";
  if (name.starts_with(kLlamaCpp))
    return std::filesystem::path(MINERVA_LLAMA_SOURCE) / "models/templates" / name.substr(kLlamaCpp.size());
  return kData / name;
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

TEST_P(GoldensTest, EqualsJinja2) {
  const json conversations = json::parse(text_of(kData / "conversations.json"));
  const json all_goldens = json::parse(text_of(kData / "goldens.json"));
  const json& goldens = all_goldens.at(GetParam());
  TemplateLimits limits;
  limits.time_max = std::chrono::seconds(20);  // also on slow machines, instrumented
  const auto chat_template = ChatTemplate::parse(text_of(template_file(GetParam())), "<s>", "</s>", limits);
  ASSERT_TRUE(chat_template) << chat_template.error().message;
  for (const auto& [name, golden] : goldens.items()) {
    SCOPED_TRACE(name);
    const json& conversation = conversations.at(name);
    std::vector<ChatMessage> messages;
    for (const json& message : conversation.at("messages"))
      messages.push_back({message.at("role").get<std::string>(), message.at("content").get<std::string>()});
    RenderOptions options;
    options.add_generation_prompt = conversation.at("add_generation_prompt").get<bool>();
    options.now = std::chrono::system_clock::from_time_t(kNow);
    const auto prompt = (*chat_template)->render(messages, options);
    if (golden.contains("error")) {
      ASSERT_FALSE(prompt);
      EXPECT_THAT(prompt.error().message, ::testing::EndsWith(": " + golden["error"].get<std::string>()));
    } else {
      ASSERT_TRUE(prompt) << prompt.error().message;
      EXPECT_EQ(*prompt, golden.at("prompt").get<std::string>());
    }
  }
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  const json goldens = json::parse(text_of(kData / "goldens.json"));
  for (const auto& [name, golden] : goldens.items()) names.push_back(name);
  return names;
}

std::string golden_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Templates, GoldensTest, ::testing::ValuesIn(golden_names()), golden_name);

}  // namespace
}  // namespace minerva
