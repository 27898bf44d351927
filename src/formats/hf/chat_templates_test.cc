#include "formats/hf/chat_templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace minerva::hf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct File {
  const char* name;
  std::string content;
};

/// "name=source" of each template, or the error's message.
std::vector<std::string> read(const std::vector<File>& files) {
  const testing::TempDir dir;
  for (const File& file : files) dir.write(file.name, file.content);
  const auto templates = read_chat_templates(dir.path());
  if (!templates) {
    EXPECT_EQ(templates.error().code, ErrorCode::ModelLoading);
    EXPECT_GT(templates.error().remedy.size(), 20U);
    return {templates.error().message};
  }
  std::vector<std::string> out;
  for (const auto& t : *templates) out.push_back(t.name + "=" + t.source);
  return out;
}

const File kConfig = {
    "tokenizer_config.json",
    R"({"model_max_length":1000000000000000019884624838656,"chat_template":"C \"\u00e4\"\n"})"};
const File kList = {
    "tokenizer_config.json",
    R"({"chat_template":[{"template":"T","name":"tool_use"},{"name":"default","template":"D"}]})"};

TEST(ChatTemplates, AreFoundWhereverTheyStand) {
  EXPECT_THAT(read({}), ElementsAre());
  EXPECT_THAT(read({{"tokenizer_config.json", "{}"}}), ElementsAre());
  EXPECT_THAT(read({{"tokenizer_config.json", R"({"chat_template":null})"}}), ElementsAre());
  EXPECT_THAT(read({{"tokenizer_config.json", R"({"chat_template":""})"}}), ElementsAre());
  EXPECT_THAT(read({{"tokenizer_config.json", R"({"chat_template":[]})"}}), ElementsAre());
  EXPECT_THAT(read({{"chat_template.jinja", "J"}}), ElementsAre("default=J"));
  EXPECT_THAT(read({kConfig}), ElementsAre("default=C \"\xC3\xA4\"\n"));
  EXPECT_THAT(read({kList}), ElementsAre("default=D", "tool_use=T"));
  EXPECT_THAT(read({{"chat_template.json", R"({"chat_template":"L"})"}}), ElementsAre("default=L"));
  EXPECT_THAT(
      read({{"additional_chat_templates/rag.jinja", "R"}, {"additional_chat_templates/notes.txt", "x"}}),
      ElementsAre("rag=R"));
}

TEST(ChatTemplates, OverrideEachOtherAsInTransformers) {
  const File jinja = {"chat_template.jinja", "J"};
  const File rag = {"additional_chat_templates/rag.jinja", "R"};
  const File json = {"chat_template.json", R"({"chat_template":"L"})"};
  EXPECT_THAT(read({jinja, kConfig, json}), ElementsAre("default=J"));
  EXPECT_THAT(read({rag, jinja, kList}), ElementsAre("default=J", "rag=R"));
  EXPECT_THAT(read({kList, json}), ElementsAre("default=D", "tool_use=T"));
  EXPECT_THAT(read({{"tokenizer_config.json", "{}"}, json}), ElementsAre("default=L"));
}

TEST(ChatTemplates, AreRefusedWithTheirFile) {
  const auto expect_one = [](const std::vector<File>& files, const char* message) {
    EXPECT_THAT(read(files), ElementsAre(HasSubstr(message))) << files[0].content.substr(0, 100);
  };
  const auto config = [](const char* json) { return std::vector<File>{{"tokenizer_config.json", json}}; };
  expect_one(config(""), "'tokenizer_config.json' is not valid JSON: it is empty");
  expect_one(config("{\"chat_template\""), "it ends in the middle, after 16 bytes");
  constexpr const char* kPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
  expect_one(config(kPointer), "'tokenizer_config.json' is a Git LFS pointer");
  expect_one({{"chat_template.jinja", kPointer}}, "'chat_template.jinja' is a Git LFS pointer");
  expect_one(config("[1]"), "'tokenizer_config.json': expected a JSON object");
  expect_one(config(R"({"chat_template":1})"), "field 'chat_template' is not a string");
  expect_one(config(R"({"chat_template":{}})"), "field 'chat_template' is not a string");
  expect_one(config(R"({"chat_template":["x"]})"), "a list with something else than objects");
  expect_one(config(R"({"chat_template":[{"name":"x"}]})"), "'template' in 'chat_template' is not a string");
  expect_one(config(R"({"chat_template":[{"template":"x"}]})"), "'name' in 'chat_template' is not a string");
  expect_one(config(R"({"chat_template":[{"name":1,"template":"x"}]})"),
             "'name' in 'chat_template' is not a string");
  expect_one(config("{\"chat_template\":\"\xFF\"}"), "JSON");
  expect_one({{"chat_template.jinja", "\xFF"}},
             "'chat_template.jinja': the chat template 'default' is not valid UTF-8");
  expect_one({{"chat_template.jinja", std::string(512 * 1024 + 1, 'x')}}, "at most 524288 are read");
  expect_one({{"tokenizer_config.json", "{\"chat_template\":\"" + std::string(512 * 1024 + 1, 'x') + "\"}"}},
             "has 524289 bytes; at most 524288 are allowed");
  expect_one({{"chat_template.json", R"({"chat_template":1})"}}, "'chat_template.json'");
  std::vector<File> many;
  std::vector<std::string> names;
  for (int i = 0; i < 65; ++i) names.push_back("additional_chat_templates/" + std::to_string(i) + ".jinja");
  for (const auto& name : names) many.push_back({name.c_str(), "x"});
  expect_one(many, "more than 64 chat templates");
}

}  // namespace
}  // namespace minerva::hf
