#include "text/chat_template/chat_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "text/jinja/json_value.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

constexpr const char* kUser = R"([{"role": "user", "content": "hi"}])";
constexpr const char* kTools = R"([{"type": "function", "function": {"name": "f"}}])";

/// The prompt, or the error's message.
std::string rendered(std::string_view source, std::string_view messages, const ChatOptions& options = {}) {
  const auto chat_template = ChatTemplate::parse(source, {{"bos_token", "<s>"}});
  if (!chat_template) return chat_template.error().message;
  const auto input = chat_input(messages, options);
  if (!input) {
    EXPECT_EQ(input.error().code, ErrorCode::InvalidRequest);
    EXPECT_FALSE(input.error().remedy.empty());
    return input.error().message;
  }
  const auto prompt = render_all(**chat_template, *input);
  if (prompt) return *prompt;
  EXPECT_EQ(prompt.error().code, ErrorCode::InvalidRequest);
  return prompt.error().message;
}

TEST(ChatInput, JsonIsReadAsPythonReadsIt) {
  EXPECT_EQ(
      rendered(
          "{{ messages[0].x }}",
          R"([{"role": "user", "x": {"b": [1, -2, 1.0, 1e3, true, null], "a": "\u00e9\ud83c\udf89", "b": 3}}])"),
      "{'b': 3, 'a': 'é🎉'}");
  EXPECT_EQ(rendered("{{ messages[0].x }}", R"([{"role": "user", "x": [1, -2, 1.0, 1e3, true, null, "'"]}])"),
            "[1, -2, 1.0, 1000.0, True, None, \"'\"]");
  EXPECT_EQ(
      rendered(
          "{{ messages[0].x }}",
          R"([{"role": "user", "x": [9223372036854775807, 9223372036854775808, -9223372036854775809]}])"),
      "[9223372036854775807, 9223372036854775808, -9223372036854775809]");
}

TEST(ChatInput, FieldsThatAreNullAreAbsentAndReasoningHasItsNames) {
  EXPECT_EQ(rendered("{{ messages }}",
                     R"([{"role": "assistant", "content": null, "reasoning": "r", "tool_calls": null}])"),
            "[{'thinking': 'r', 'role': 'assistant', 'reasoning': 'r', 'reasoning_content': 'r'}]");
}

TEST(ChatInput, WrongJsonIsNamed) {
  const std::string deep(100, '[');
  const struct {
    std::string messages;
    const char* says;
  } kCases[] = {
      {"", "the list of messages cannot be used: it is not valid JSON"},
      {"[{]", "it is not valid JSON at byte 3"},
      {deep, "it is nested deeper than 64"},
      {"[{\"role\": \"\xff\"}]", "it is not valid UTF-8"},
      {"{}", "the list of messages should be a JSON list of objects"},
      {"[1]", "the list of messages should be a JSON list of objects"},
      {"[]", "there are no messages"},
      {R"([{"role": "user"}, {"content": "x"}])", "message 2 should be an object with a \"role\""},
      {R"([{"role": 5}])", "message 1 should be an object with a \"role\""},
      {R"([{"role": "user", "n": )" + std::string(5000, '1') + "}]", "the number at byte"},
      {R"([{"role": "user", "n": NaN}])", "it is not valid JSON"},
      {"[{\"role\": \"" + std::string(17U << 20U, 'x') + "\"}]", "16777216 are the most that is taken"},
  };
  for (const auto& test : kCases) EXPECT_THAT(rendered("x", test.messages), HasSubstr(test.says));
}

TEST(ChatInput, WrongOptionsAreNamed) {
  const struct {
    ChatOptions options;
    const char* says;
  } kCases[] = {
      {{.tools = "{}"}, "the list of tools should be a JSON list of objects"},
      {{.tools = "[1"}, "the list of tools cannot be used: it is not valid JSON"},
      {{.documents = "[\"x\"]"}, "the list of documents should be a JSON list of objects"},
      {{.variables = "[]"}, "what gives template variables should be a JSON object"},
      {{.variables = R"({"messages": []})"}, "'messages' is no template variable to be set"},
      {{.variables = R"({"tools": []})"}, "'tools' is no template variable to be set"},
      {{.variables = R"({"nothing": 1})"}, "the model's chat template has no variable 'nothing'"},
  };
  for (const auto& test : kCases)
    EXPECT_THAT(rendered("{{ messages }}{{ tools }}{{ nothings }}", kUser, test.options),
                HasSubstr(test.says));
}

TEST(ChatInput, WhatTheTemplateTakesReachesIt) {
  EXPECT_EQ(rendered("{{ tools | tojson }}", kUser, {.tools = kTools}), kTools);
  EXPECT_EQ(rendered("{{ tools }}{{ documents }}{{ enable_thinking is defined }}", kUser), "NoneNoneFalse");
  EXPECT_EQ(rendered("{{ documents[0].title }}", kUser, {.documents = R"([{"title": "T"}])"}), "T");
  EXPECT_EQ(rendered("{{ enable_thinking }}{{ n + 1 }}", kUser,
                     {.variables = R"({"enable_thinking": false, "n": 2})"}),
            "False3");
  EXPECT_EQ(rendered("{{ bos_token }}", kUser, {.variables = R"({"bos_token": "B"})"}), "B");
  EXPECT_EQ(rendered("{{ add_generation_prompt }}", kUser, {.add_generation_prompt = false}), "False");
}

TEST(ChatInput, WhatTheTemplateHasNoPlaceForIsRefused) {
  const char* const content = "{% for m in messages %}{{ m.content }}{% endfor %}";
  EXPECT_THAT(rendered(content, kUser, {.tools = kTools}), HasSubstr("no place for tools"));
  EXPECT_THAT(rendered(content, kUser, {.documents = R"([{"text": "x"}])"}),
              HasSubstr("no place for documents"));
  EXPECT_THAT(
      rendered(content,
               R"([{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}]}])"),
      HasSubstr("no place for tool calls"));
  EXPECT_EQ(rendered(content, kUser, {.tools = "[]", .documents = "[]"}), "hi");
  EXPECT_EQ(rendered(content, R"([{"role": "assistant", "content": "x", "tool_calls": []}])"), "x");
}

TEST(ChatInput, TheFinalMessageIsContinued) {
  const char* const plain = "{% for m in messages %}[{{ m.content }}]{% endfor %}{{ add_generation_prompt }}";
  const char* const trimming = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}";
  const char* const last = R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": " b "}])";
  const ChatOptions options{.continue_final_message = "content"};
  EXPECT_EQ(rendered(plain, last, options), "[a][ b ");
  EXPECT_EQ(rendered(trimming, last, options), "[a][b");
  EXPECT_EQ(rendered("{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}",
                     R"([{"role": "assistant", "content": [{"text": "x"}, {"text": "y"}, {"image": 1}]}])",
                     options),
            "[x][y");
  EXPECT_THAT(rendered("{{ messages[0].content }}", last, options),
              HasSubstr("cannot be continued: the chat template changes it or leaves it out"));
  EXPECT_THAT(rendered(plain, R"([{"role": "assistant"}])", options), HasSubstr("it has no 'content'"));
  EXPECT_THAT(rendered(plain, R"([{"role": "assistant", "content": 5}])", options),
              HasSubstr("its 'content' is no text"));
  EXPECT_THAT(rendered(plain, R"([{"role": "assistant", "content": [{}]}])", options),
              HasSubstr("no text among the parts"));
  EXPECT_THAT(rendered(plain, R"([{"role": "assistant", "content": "x", "other": "y"}])",
                       {.continue_final_message = "other"}),
              HasSubstr("does not read 'other'"));
}

TEST(ChatInput, MessagesOfTheApiAreChecked) {
  const auto bad = chat_input({{"user", "ok"}, {"user", "\xff"}}, {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "message 2 is not valid UTF-8");
  EXPECT_THAT(chat_input(std::vector<ChatMessage>(), {}).error().message, HasSubstr("there are no messages"));
}

}  // namespace
}  // namespace minerva
