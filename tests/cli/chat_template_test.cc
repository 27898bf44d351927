// What of a conversation reaches the prompt: --messages, --tools, --documents, template variables, a prefill.
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

using ::testing::HasSubstr;

constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls %}"
    "{{ c.function.name }}({{ c.function.arguments | tojson }}){% endfor %}|{% endfor %}"
    "{{ documents | tojson if documents }}{{ 'no thinking' if enable_thinking is false }}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

class ChatTemplateOptions : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(test_data() / "models" / "llama", folder_.path(),
                          std::filesystem::copy_options::recursive);
    folder_.write("chat_template.jinja", kTemplate);
  }
  Outcome run(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"run", folder_.path().string(), "-n", "1", "--temp", "0", "--json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_minerva(all);
  }
  std::string prompt(const std::vector<std::string>& arguments) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).value("prompt", "");
  }

  TempDir folder_;
};

TEST_F(ChatTemplateOptions, ReachTheTemplate) {
  EXPECT_EQ(prompt({"-p", "Hi"}), "<s><user>Hi|<assistant>");
  EXPECT_EQ(prompt({"-p", "Hi", "--chat-template-kwargs", R"({"enable_thinking": false})"}),
            "<s><user>Hi|no thinking<assistant>");
  EXPECT_EQ(prompt({"-p", "Hi", "--documents", R"([{"title": "T"}])"}),
            "<s><user>Hi|[{\"title\": \"T\"}]<assistant>");
  EXPECT_EQ(prompt({"-p", "Hi", "--prefill-response", "Well, "}), "<s><user>Hi|<assistant>Well, ");
}

TEST_F(ChatTemplateOptions, SpecialTokensHaveTheirNames) {
  folder_.write("chat_template.jinja",
                "{{ bos_token }}{{ eos_token }}{{ unk_token }}{{ sep_token is defined }}");
  EXPECT_EQ(prompt({"-p", "Hi"}), "<s></s><unk>False");
}

TEST_F(ChatTemplateOptions, MessagesMayHoldToolCalls) {
  const std::string file = folder_
                               .write("talk.json",
                                      R"([{"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "w", "arguments": {"at": "Rome"}}}]}])")
                               .string();
  EXPECT_EQ(prompt({"--messages", file}), "<s><user>Weather?|<assistant>w({\"at\": \"Rome\"})|<assistant>");
  EXPECT_EQ(prompt({"--messages", file, "--prefill-response", "Rain"}),
            "<s><user>Weather?|<assistant>w({\"at\": \"Rome\"})|<assistant>Rain");
}

TEST_F(ChatTemplateOptions, ToolsChooseTheTemplateThatIsMadeForThem) {
  const char* const tools = R"([{"type": "function", "function": {"name": "w"}}])";
  const Outcome refused = run({"-p", "Hi", "--tools", tools});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("the model's chat template has no place for tools"));
  folder_.write("additional_chat_templates/tool_use.jinja", "{{ tools | tojson }}{{ messages[0].content }}");
  EXPECT_EQ(prompt({"-p", "Hi", "--tools", tools}), std::string(tools) + "Hi");
  EXPECT_EQ(prompt({"-p", "Hi"}), "<s><user>Hi|<assistant>");
}

TEST_F(ChatTemplateOptions, WhatContradictsOrIsWrongIsRefused) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } kCases[] = {
      {{"-p", "x", "--raw", "--tools", "[]"},
       "need the chat template, which --raw and --prompt-ids do without"},
      {{"-p", "x", "--raw", "--prefill-response", "y"}, "need the chat template"},
      {{"-p", "x", "--messages", "y"}, "--messages holds the whole conversation"},
      {{"--messages", "no-such.json"}, "no-such.json"},
      {{"-p", "x", "--tools", "no-such.json"}, "no-such.json"},
      {{"-p", "x", "--chat-template-kwargs", "{"}, "it is not valid JSON"},
      {{"-p", "x", "--chat-template-kwargs", R"({"enable_thinkin": true})"}, "no variable 'enable_thinkin'"},
  };
  for (const auto& test : kCases) {
    const Outcome outcome = run(test.arguments);
    EXPECT_EQ(outcome.status, 2) << test.says;
    EXPECT_THAT(outcome.err, HasSubstr(test.says));
  }
}

}  // namespace
}  // namespace minerva::testing
