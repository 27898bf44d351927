// Everything of llama.cpp that runs templates is bounded through run_guarded(), its tool-call analysis too.
#include "text/chat_template/guarded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>

#include "chat.h"
#include "jinja/minerva_jinja_guard.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

Result<void> guarded(const std::function<void()>& work, TemplateStage stage = TemplateStage::Rendering) {
  TemplateLimits limits;
  limits.time_max = std::chrono::seconds(20);
  return run_guarded(limits, stage, "line 1\nline 2\nline 3", work);
}

TEST(GuardedTest, DisarmsAgain) {
  EXPECT_EQ(minerva_jinja::armed, nullptr);
  EXPECT_TRUE(guarded([] { EXPECT_NE(minerva_jinja::armed, nullptr); }));
  EXPECT_FALSE(guarded([] { throw std::runtime_error("x"); }));
  EXPECT_EQ(minerva_jinja::armed, nullptr);
}

TEST(GuardedTest, ALimitThatWasSwallowedIsStillReported) {
  const auto result = guarded([] {
    minerva_jinja::at(7);
    EXPECT_THROW(minerva_jinja::text(std::size_t{1} << 40), minerva_jinja::limit_exceeded);
    // And whatever is done next fails at once.
    EXPECT_THROW(minerva_jinja::step(), minerva_jinja::limit_exceeded);
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "The chat template exceeds a limit in line 2: it makes a text of more than 32 MB.");
}

TEST(GuardedTest, ExceptionsBecomeErrorsOfTheStage) {
  const auto loading = guarded([] { throw std::runtime_error("odd\nthing"); }, TemplateStage::Loading);
  EXPECT_EQ(loading.error().code, ErrorCode::ModelLoading);
  EXPECT_EQ(loading.error().message, "The chat template is wrong in line 1: odd thing.");
  EXPECT_EQ(guarded([] { throw std::runtime_error("x"); }).error().code, ErrorCode::InvalidRequest);
  EXPECT_EQ(guarded([] { throw std::bad_alloc(); }).error().code, ErrorCode::OutOfMemory);
}

TEST(GuardedTest, LongMessagesAreCutBetweenCharacters) {
  std::string message = "x";
  for (int i = 0; i < 1000; ++i) message += "ü";
  const auto result = guarded([&] { throw std::runtime_error(message); });
  EXPECT_THAT(result.error().message, ::testing::EndsWith("üü...."));
}

/// What the server will do for a request with tools.
common_chat_params applied(const std::string& source) {
  const auto templates = common_chat_templates_init(nullptr, source, "<s>", "</s>");
  common_chat_templates_inputs inputs;
  common_chat_msg message;
  message.role = "user";
  message.content = "What is the weather?";
  inputs.messages = {message};
  inputs.tools = {
      {"weather", "Tells the weather", R"({"type": "object", "properties": {"city": {"type": "string"}}})"}};
  return common_chat_templates_apply(templates.get(), inputs);
}

TEST(GuardedTest, TheToolCallAnalysisOfAGoodTemplateFits) {
  std::ifstream file(MINERVA_LLAMA_SOURCE "/models/templates/Qwen-Qwen2.5-7B-Instruct.jinja");
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  std::string prompt;
  const auto result = guarded([&] { prompt = applied(source).prompt; });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(prompt, HasSubstr("Tells the weather"));
}

TEST(GuardedTest, TheToolCallAnalysisIsBounded) {
  // Harmless in the trial renderings of common_chat_templates_init, which never set both.
  constexpr const char* kFuse = "{{ messages[0].content }}{% if tools and enable_thinking is defined %}";
  for (const std::string bomb :
       {"{% for i in range(3000) %}{% for j in range(3000) %}x{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set a = [1] %}{% set b = a.append(a) %}{{ a | tojson }}", "{{ 'x' * 1000000000 }}"}) {
    bool initialised = false;
    TemplateLimits limits;
    const auto result = run_guarded(limits, TemplateStage::Rendering, "", [&] {
      common_chat_templates_init(nullptr, kFuse + bomb + "{% endif %}");
      initialised = true;
      applied(kFuse + bomb + "{% endif %}");
    });
    EXPECT_TRUE(initialised) << bomb;
    ASSERT_FALSE(result) << bomb;
    EXPECT_THAT(result.error().message, HasSubstr("exceeds a limit")) << bomb;
  }
}

TEST(GuardedTest, TheSyntaxIsCheckedWhoeverParses) {
  const auto result = guarded([] {
    common_chat_templates_init(nullptr, "{{ " + std::string(200, '(') + "1" + std::string(200, ')') + " }}");
  });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("more than 100 brackets or blocks are nested"));
}

}  // namespace
}  // namespace minerva
