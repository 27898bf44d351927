#include "text/chat_template/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "formats/gguf/file.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using ::testing::HasSubstr;

/// The usual limits but for the time: these tests also run on slow machines and instrumented.
TemplateLimits unhurried() {
  TemplateLimits limits;
  limits.time_max = std::chrono::seconds(20);
  return limits;
}

std::shared_ptr<const ChatTemplate> parsed(std::string_view source,
                                           const TemplateLimits& limits = unhurried()) {
  auto result = ChatTemplate::parse(source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, limits);
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(nullptr);
}

/// The prompt, or "error: " and the message.
std::string rendered(std::string_view source, const std::vector<ChatMessage>& messages = {{"user", "hi"}}) {
  const auto chat_template = parsed(source);
  if (!chat_template) return "";
  const auto prompt = chat_template->render(messages, true);
  return prompt ? *prompt : "error: " + prompt.error().message;
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ChatTemplateTest, RendersAConversation) {
  EXPECT_EQ(rendered("{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}{{ eos_token "
                     "}}\n{% endfor %}"
                     "{% if add_generation_prompt %}[assistant]{% endif %}",
                     {{"system", "S"}, {"user", "U"}}),
            "<s>[system] S</s>\n[user] U</s>\n[assistant]");
  const auto chat_template = parsed("{{ 'yes' if add_generation_prompt else 'no' }}");
  EXPECT_EQ(chat_template->render({{"user", "hi"}}, false).value_or(""), "no");
}

TEST(ChatTemplateTest, KeepsTheSourceAsGiven) {
  constexpr std::string_view kSource = "a\r\nb{{ 1 }}\r\n";
  const auto chat_template = parsed(kSource);
  EXPECT_EQ(chat_template->source(), kSource);
  EXPECT_EQ(chat_template->render(ChatInput()).value_or(""), "a\nb1");
}

TEST(ChatTemplateTest, AnEmptyTemplateMakesAnEmptyPrompt) {
  EXPECT_EQ(rendered(""), "");
}

TEST(ChatTemplateTest, RaisedExceptionsAreTheTemplatesOwnWords) {
  const auto chat_template = parsed(R"({{ raise_exception('Roles must\nalternate: "user" first') }})");
  const auto prompt = chat_template->render({{"user", "hi"}}, true);
  ASSERT_FALSE(prompt);
  EXPECT_EQ(prompt.error().code, ErrorCode::InvalidRequest);
  EXPECT_EQ(prompt.error().message,
            R"(The model's chat template rejects these messages: Roles must alternate: "user" first)");
}

TEST(ChatTemplateTest, SyntaxErrorsNameTheLine) {
  const struct {
    const char* source;
    const char* says;
  } kCases[] = {
      {"a\nb\n{% if %}", "line 3: Expected an expression, got 'end of statement block'."},
      {"\r\n\r\n{{ 1 + }}", "line 3"},
      {"{% for x of y %}{% endfor %}", "line 1: expected token 'in', got 'of'."},
      {"{{ 'a\n\n' }}\n{{ $ }}", "line 4: unexpected char '$' at"},
      {"{% set x = 1 %}\n{% endif %}", "line 2: Encountered unknown tag 'endif'."},
  };
  for (const auto& test : kCases) {
    const auto result = ChatTemplate::parse(test.source, {});
    ASSERT_FALSE(result) << test.source;
    EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
    EXPECT_THAT(result.error().message, HasSubstr(test.says)) << test.source;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  }
}

TEST(ChatTemplateTest, ErrorsNameTheLineAndTheCause) {
  const auto unknown = ChatTemplate::parse("\n\n{{ messages | frobnicate }}", {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "The chat template is wrong in line 3: No filter named 'frobnicate'.");
  EXPECT_EQ(
      rendered("{% if true %}\n{{ messages[0].name.first }}{% endif %}"),
      "error: The model's chat template cannot work with these messages in line 2: 'dict object' has no "
      "attribute 'name'.");
}

TEST(ChatTemplateTest, LimitsAreNamedAndConfigurable) {
  TemplateLimits limits = unhurried();
  limits.steps_max = 500;
  limits.steps_per_message = 0;
  const auto few_steps = parsed(
      "{% if messages[0].content == 'x' %}{% for i in range(300) %}{{ i }}{% endfor %}{% endif %}", limits);
  EXPECT_TRUE(few_steps->render({{"user", "hi"}}, true));
  const auto stepped = few_steps->render({{"user", "x"}}, true);
  ASSERT_FALSE(stepped);
  EXPECT_EQ(stepped.error().message,
            "The chat template exceeds a limit in line 1: it takes more than 500 steps.");

  limits = unhurried();
  limits.output_bytes_max = 2'097'152;
  const auto short_output = parsed("{{ messages[0].content }}{{ messages[0].content }}", limits);
  const auto long_prompt = short_output->render({{"user", std::string(1'500'000, 'x')}}, true);
  ASSERT_FALSE(long_prompt);
  EXPECT_THAT(long_prompt.error().message, HasSubstr("it makes a text of more than 2 MB"));
  EXPECT_TRUE(short_output->render({{"user", std::string(900'000, 'x')}}, true));

  limits = unhurried();
  limits.source_bytes_max = 10;
  EXPECT_FALSE(ChatTemplate::parse("01234567890", {}, limits));
  EXPECT_TRUE(ChatTemplate::parse("0123456789", {}, limits));
}

TEST(ChatTemplateTest, WhatIsCloseToTheLimitsStillRenders) {
  const auto repeat = [](std::string_view text, int count) {
    std::string result;
    for (int i = 0; i < count; ++i) result += text;
    return result;
  };
  EXPECT_EQ(rendered("{{ " + repeat("(", 95) + "1" + repeat(")", 95) + " }}"), "1");
  EXPECT_EQ(rendered(repeat("{% if true %}", 95) + "x" + repeat("{% endif %}", 95)), "x");
  EXPECT_EQ(rendered("{{ 0" + repeat(" + 1", 900) + " }}"), "900");
  EXPECT_EQ(rendered("{{ 'a'" + repeat("|upper", 900) + " }}"), "A");
  EXPECT_EQ(rendered("{% if false %}" + repeat("{% elif false %}", 900) + "{% else %}x{% endif %}"), "x");
  EXPECT_EQ(rendered("{{ [" + repeat("'abc' + 'd', ", 10'000) + "'x'] | length }}"), "10001");
  EXPECT_EQ(
      rendered("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{% endif %}x{% endmacro %}{{ f(95) | length }}"),
      "96");
  EXPECT_EQ(
      rendered("{% for i in range(50) %}{% for j in range(50) %}{{ 'x' if i == j }}{% endfor %}{% endfor %}")
          .size(),
      50U);
}

TEST(ChatTemplateTest, LongConversationsRender) {
  constexpr std::string_view kSource =
      "{% for m in messages %}{% if m.role == 'assistant' and '</think>' in m.content %}{{ "
      "m.content.split('</think>')[-1] }}"
      "{% else %}<|{{ m.role }}|>{{ m.content | trim | replace('\\n\\n', '\\n') }}{% endif %}<|end|>\n{% "
      "endfor %}";
  const auto conversation = [](std::size_t count, std::size_t bytes) {
    std::vector<ChatMessage> messages;
    std::string text;
    while (text.size() < bytes) text += "Some words in a line.\n\n";
    messages.reserve(count);
    for (std::size_t i = 0; i < count; ++i) messages.push_back({i % 2 == 0 ? "user" : "assistant", text});
    return messages;
  };
  EXPECT_TRUE(parsed(kSource, TemplateLimits())->render(conversation(200, 6'000), true));
  const auto chat_template = parsed(kSource);
  for (const auto& [count, bytes] :
       {std::pair{200, 10'000}, {20, 100'000}, {100, 100'000}, {1, 5'000'000}, {2000, 100}}) {
    const auto prompt = chat_template->render(
        conversation(static_cast<std::size_t>(count), static_cast<std::size_t>(bytes)), true);
    ASSERT_TRUE(prompt) << count << " messages of " << bytes << " bytes: " << prompt.error().message;
    EXPECT_GT(prompt->size(), static_cast<std::size_t>(count) * static_cast<std::size_t>(bytes) * 9 / 10);
  }
}

TEST(ChatTemplateTest, FindsOutWhatTheTemplateShows) {
  const auto plain = parsed("{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}");
  EXPECT_TRUE(plain->traits().system_role);
  EXPECT_FALSE(plain->traits().typed_content);
  EXPECT_FALSE(plain->traits().tools);

  const auto user_only = parsed(
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
      "{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_FALSE(user_only->traits().system_role);
  EXPECT_EQ(user_only->render({{"system", "S"}, {"user", "U"}}, true).error().code,
            ErrorCode::InvalidRequest);

  const auto with_tools = parsed(
      "{% for t in tools %}{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.content }}"
      "{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}");
  EXPECT_TRUE(with_tools->traits().tools);
  EXPECT_TRUE(with_tools->traits().tool_calls);
}

TEST(ChatTemplateTest, GivesTypedContentToTemplatesThatWantIt) {
  const auto chat_template = parsed(
      "{% for m in messages %}{% for part in m.content %}({{ part.type }}: {{ part.text }})"
      "{% endfor %}{% endfor %}");
  EXPECT_TRUE(chat_template->traits().typed_content);
  EXPECT_EQ(chat_template->render({{"user", "hi"}}, true).value_or(""), "(text: hi)");
}

TEST(ChatTemplateTest, MessagesCannotBeChanged) {
  EXPECT_THAT(rendered("{{ messages.pop().content }}"),
              HasSubstr("cannot work with these messages in line 1"));
}

TEST(ChatTemplateTest, TellsTheTime) {
  const auto chat_template = parsed("{{ strftime_now('%Y-%m-%d') }}");
  ChatInput input;
  input.now = std::chrono::system_clock::from_time_t(1721997005);  // noon of 26 July 2024 in UTC
  EXPECT_THAT(chat_template->render(input).value_or(""), HasSubstr("2024-07-2"));
  const std::time_t before = std::time(nullptr);
  const std::string today = chat_template->render(ChatInput()).value_or("");
  char expected[2][32];
  const std::time_t after = std::time(nullptr);
  std::tm local{};
  std::strftime(expected[0], sizeof(expected[0]), "%Y-%m-%d", localtime_r(&before, &local));
  std::strftime(expected[1], sizeof(expected[1]), "%Y-%m-%d", localtime_r(&after, &local));
  EXPECT_THAT(today, ::testing::AnyOf(expected[0], expected[1]));
}

TEST(ChatTemplateTest, ManyThreadsRenderOneTemplate) {
  const auto chat_template = parsed(
      "{% macro show(m) %}{{ m.role }}: {{ m.content }}{% endmacro %}"
      "{% for m in messages %}{{ show(m) }} {{ strftime_now('%Y')[:0] }}{% endfor %}");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  threads.reserve(wrong.size());
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      const std::string content = "thread " + std::to_string(t);
      for (int i = 0; i < 50; ++i) {
        const auto prompt = chat_template->render({{"user", content}}, true);
        if (!prompt || *prompt != "user: " + content + " ") ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
}

/// Renders `source` for the message "go" (only then: not in the trial renderings) on a stack of 512 KB.
Result<std::string> rendered_on_a_small_stack(const std::string& source) {
  const auto chat_template = parsed("{% if messages[0].content == 'go' %}" + source + "{% endif %}");
  struct Run {
    const ChatTemplate* chat_template;
    Result<std::string> prompt;
  } run{chat_template.get(), ""};
  pthread_attr_t attributes;
  EXPECT_EQ(pthread_attr_init(&attributes), 0);
  EXPECT_EQ(pthread_attr_setstacksize(&attributes, 524'288), 0);
  pthread_t thread{};
  EXPECT_EQ(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                  auto& task = *static_cast<Run*>(argument);
                  task.prompt = task.chat_template->render({{"user", "go"}}, true);
                  return nullptr;
                },
                &run),
            0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
  return run.prompt;
}

TEST(ChatTemplateTest, RespectsASmallStack) {
  EXPECT_EQ(rendered_on_a_small_stack("{{ messages | length }}").value_or(""), "1");
  const auto bomb = rendered_on_a_small_stack(
      "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = [[[[[[[[[[ns.l]]]]]]]]]] %}"
      "{% endfor %}{{ ns.l | tojson }}{{ ns.l }}");
  ASSERT_FALSE(bomb);
}

TEST(ChatTemplateTest, CyclesLeaveNothingBehind) {
  EXPECT_EQ(rendered("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self is mapping }}"),
            "False");
  EXPECT_EQ(rendered("{% macro keep(ns) %}{% set ns.f = caller %}{% endmacro %}{% set ns = namespace() %}"
                     "{% call keep(ns) %}called{% endcall %}{{ ns.f() }}"),
            "called");
}

TEST(ChatTemplateTest, LongChainsOfValuesAreFreedWithoutRecursion) {
  const auto rendered_small = [](const std::string& source) {
    return rendered_on_a_small_stack(source).value_or("error");
  };
  EXPECT_EQ(rendered_small("{% set ns = namespace(l=[]) %}{% for i in range(1000) %}"
                           "{% set ns.l = [[[[[[[[[[[[[[[[[[[[ns.l]]]]]]]]]]]]]]]]]]]] %}{% endfor %}x"),
            "x");
  EXPECT_EQ(rendered_small("{% set ns = namespace(k=1) %}{% for i in range(5000) %}"
                           "{% set ns.k = {'k': ns.k} %}{% endfor %}x"),
            "x");
}

// jinja2 prints where the method lies in memory; ours lies nowhere.
TEST(ChatTemplateTest, AMethodThatIsNotCalledIsPrintedAsPythonPrintsIt) {
  EXPECT_THAT(rendered("{{ {'items': 5}.items }}|{{ {'items': 5}['items'] }}"),
              ::testing::MatchesRegex("<built-in method items of dict object at 0x[0-9a-f]+>\\|5"));
}

TEST(ChatTemplateTest, EveryTemplateThatLlamaCppKnowsRenders) {
  // In jinja2 these fail without tools, or without variables that nobody else gives (goldens.json).
  const std::set<std::string> special = {
      "CohereForAI-c4ai-command-r-plus-tool_use.jinja", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja",
      "NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja", "fireworks-ai-llama-3-firefunction-v2.jinja"};
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::llama_source() / "models/templates")) {
    if (entry.path().extension() != ".jinja" || special.contains(entry.path().filename())) continue;
    ++files;
    SCOPED_TRACE(entry.path().filename().string());
    const auto chat_template = parsed(file_text(entry.path()));
    ASSERT_TRUE(chat_template);
    auto prompt = chat_template->render(
        {{"system", "Be brief, says the system."}, {"user", "Hello, says the user."}}, true);
    if (!prompt) {
      EXPECT_THAT(prompt.error().message, HasSubstr("rejects these messages"));
      EXPECT_FALSE(chat_template->traits().system_role);
      prompt = chat_template->render({{"user", "Hello, says the user."}}, true);
    }
    ASSERT_TRUE(prompt) << prompt.error().message;
    EXPECT_THAT(*prompt, HasSubstr("Hello, says the user."));
    EXPECT_EQ(prompt->find("Hello, says the user."), prompt->rfind("Hello, says the user."));
    if (chat_template->traits().system_role) {
      EXPECT_THAT(*prompt, HasSubstr("Be brief, says the system."));
    }
  }
  EXPECT_GE(files, 61U);
}

TEST(ChatTemplateTest, RendersTheTemplateInTheDefaultModel) {
  MINERVA_NEEDS_MODEL(testing::smollm2_gguf());
  const auto file = gguf::File::open(testing::smollm2_gguf());
  ASSERT_TRUE(file) << file.error().message;
  const auto source = file->metadata().get_string("tokenizer.chat_template");
  ASSERT_TRUE(source && *source);
  EXPECT_EQ(
      rendered(**source),
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
      "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace minerva
