#include "runtime/router.h"

#include <gtest/gtest.h>

#include "backend/fake_backend.h"

namespace minerva {
namespace {

struct RouteCase {
  const char* name;
  Format format;
  std::vector<std::string> preference;
  bool llama_supports;
  bool native_exists;
  std::string backends;  // expected steps, "llama native"; empty: an error
  std::string mentions;  // in the first reason, or in the error
  ErrorCode code = ErrorCode::InvalidRequest;
};

class RouterTest : public ::testing::TestWithParam<RouteCase> {};

TEST_P(RouterTest, ChoosesAndSaysWhy) {
  const RouteCase& c = GetParam();
  Backends backends;
  auto llama = std::make_shared<testing::FakeBehaviour>();
  if (!c.llama_supports) llama->support = {Support::No, "it does not know this architecture"};
  backends.push_back(testing::make_fake_backend(llama));
  if (c.native_exists) {
    auto native = std::make_shared<testing::FakeBehaviour>();
    native->name = "native";
    backends.push_back(testing::make_fake_backend(native));
  }
  ModelDescription description;
  description.path = "model";
  description.format = c.format;
  const auto route = plan_route(description, c.preference, backends);
  if (c.backends.empty()) {
    ASSERT_FALSE(route.has_value());
    EXPECT_EQ(route.error().code, c.code);
    EXPECT_NE(route.error().message.find(c.mentions), std::string::npos) << route.error().message;
    EXPECT_FALSE(route.error().remedy.empty());
    return;
  }
  ASSERT_TRUE(route.has_value()) << route.error().message;
  std::string names;
  for (const auto& step : route->steps)
    names += (names.empty() ? "" : " ") + std::string(step.backend->name());
  EXPECT_EQ(names, c.backends);
  EXPECT_NE(route->steps[0].reason.find(c.mentions), std::string::npos) << route->steps[0].reason;
}

using Names = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(
    Table, RouterTest,
    ::testing::Values(
        RouteCase{"gguf_goes_to_llama", Format::Gguf, {}, true, true, "llama", "by default"},
        RouteCase{"directory_goes_to_native", Format::HfSafetensors, {}, true, true, "native", "by default"},
        RouteCase{"auto_is_the_default", Format::Gguf, Names{"auto"}, true, true, "llama", "by default"},
        RouteCase{"asked_for", Format::Gguf, Names{"native"}, true, true, "native", "asked for"},
        RouteCase{"a_list_keeps_its_order", Format::Gguf, Names{"native", "llama"}, true, true,
                  "native llama", "asked for"},
        RouteCase{"twice_is_once", Format::Gguf, Names{"llama", "llama"}, true, true, "llama", "asked for"},
        RouteCase{"unsupported_is_passed_by", Format::Gguf, Names{"llama", "native"}, false, true, "native",
                  "asked for"},
        RouteCase{"unknown_name", Format::Gguf, Names{"cuda"}, true, true, "", "'cuda' is no backend"},
        RouteCase{"unknown_name_in_a_list", Format::Gguf, Names{"llama", "x"}, true, true, "",
                  "'x' is no backend"},
        RouteCase{"nothing_supports_it",
                  Format::Gguf,
                  {},
                  false,
                  false,
                  "",
                  "does not know this architecture",
                  ErrorCode::ModelLoading},
        RouteCase{"the_asked_for_can_not", Format::HfMlx, Names{"llama"}, false, true, "",
                  "does not know this architecture"},
        RouteCase{
            "not_built", Format::HfMlx, {}, true, false, "", "built without it", ErrorCode::ModelLoading}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(RouterTest, WhatWasPassedByIsKept) {
  auto llama = std::make_shared<testing::FakeBehaviour>();
  llama->support = {Support::No, "too old"};
  auto native = std::make_shared<testing::FakeBehaviour>();
  native->name = "native";
  ModelDescription description;
  description.format = Format::Gguf;
  const auto route = plan_route(description, {"llama", "native"},
                                {testing::make_fake_backend(llama), testing::make_fake_backend(native)});
  ASSERT_EQ(route->passed_by.size(), 1U);
  EXPECT_EQ(route->passed_by[0].backend, "llama");
  EXPECT_EQ(route->passed_by[0].reason, "too old");
}

}  // namespace
}  // namespace minerva
