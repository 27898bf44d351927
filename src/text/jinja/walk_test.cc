// A walk through jinja2: small templates with what jinja2 3.1.6 makes of them, in transformers' environment
// (tests/data/jinja/walk.json). "is" is the text, "error" the message; where ours differs from jinja2's,
// "jinja2" has the other.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/paths.h"
#include "text/jinja/json_value.h"
#include "text/jinja/template.h"

namespace minerva::jinja {
namespace {

using nlohmann::ordered_json;

constexpr std::time_t kNow = 1764339000;  // 28 November 2025, 14:10 UTC

Outcome<std::string> render(const std::string& source, const Value& variables) {
  // Time is no part of this test: sanitizers need more of it.
  Limits limits;
  limits.time_max = std::chrono::seconds(10);
  const auto parsed = Template::parse(source, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return (*parsed)->render(variables, {.now = std::chrono::system_clock::from_time_t(kNow)}, limits);
}

void expect_as_jinja2(const ordered_json& walked, const Value& variables) {
  const auto source = walked.at("template").get<std::string>();
  const auto text = render(source, variables);
  if (walked.contains("is")) {
    ASSERT_TRUE(text) << source << "\n" << text.error().type << ": " << text.error().message;
    EXPECT_EQ(*text, walked.at("is").get<std::string>()) << source;
    return;
  }
  ASSERT_FALSE(text) << source << "\n" << *text;
  EXPECT_EQ(text.error().message, walked.at("error").get<std::string>()) << source;
  EXPECT_NE(text.error().line, 0) << source;
  if (walked.contains("line")) {
    EXPECT_EQ(text.error().line, walked.at("line").get<std::size_t>()) << source;
  }
}

TEST(JinjaWalk, EqualsJinja2) {
  setenv("TZ", "UTC", 1);
  tzset();
  std::ifstream file(testing::test_data() / "jinja/walk.json");
  const ordered_json data = ordered_json::parse(file);
  const auto variables = json_value(data.at("variables").dump(), "the variables");
  ASSERT_TRUE(variables);
  ASSERT_GT(data.at("cases").size(), 300);
  for (const ordered_json& walked : data.at("cases")) expect_as_jinja2(walked, *variables);
}

}  // namespace
}  // namespace minerva::jinja
