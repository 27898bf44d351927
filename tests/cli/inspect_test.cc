// `minerva show`, `tokenize`, `bench` and `doctor`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

class Inspect : public ::testing::Test {
 protected:
  void SetUp() override { MINERVA_NEEDS_MODEL(smollm2_gguf()); }
  static Outcome run(std::vector<std::string> arguments, std::optional<std::string> input = {}) {
    Start s;
    s.arguments = std::move(arguments);
    s.input = std::move(input);
    s.environment = {{"MINERVA_MODEL", smollm2_gguf().string()}};
    return run_minerva(s);
  }
  static Json run_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
};

TEST_F(Inspect, ShowDescribesTheModel) {
  const Json json = run_json({"show"});
  EXPECT_EQ(json["format"], "gguf");
  EXPECT_EQ(json["architecture"], "llama");
  EXPECT_EQ(json["quantisation"], "Q4_1");
  EXPECT_EQ(json["layer_count"], 30);
  EXPECT_EQ(json["vocabulary_size"], 49152);
  EXPECT_EQ(json["context_length"], 8192);
  EXPECT_EQ(json["backend"], "llama");
  EXPECT_EQ(json["chat_templates"].size(), 1U);
  EXPECT_GT(json["memory"]["kv_bytes"].get<double>(), 0);
  const Outcome table = run({"show", smollm2_gguf().string()});
  EXPECT_EQ(table.status, 0);
  for (const char* part :
       {"Q4_1", "8,192 tokens", "30 layers", "9 heads on 3 KV heads of 64", "llama", "49,152"})
    EXPECT_THAT(table.out, HasSubstr(part));
  EXPECT_EQ(table.out.find('\x1b'), std::string::npos);
}

TEST_F(Inspect, ShowAndDoctorSayWhoDecides) {
  const TempDir dir;
  Start s;
  s.environment = {{"MINERVA_MODEL", smollm2_gguf().string()},
                   {"MINERVA_CACHE", dir.path().string()},
                   {"MINERVA_CONFIG", dir.write("c.json", R"({"backend": "native,auto"})").string()}};
  s.arguments = {"show", "--json"};
  Json json = Json::parse(run_minerva(s).out);
  EXPECT_EQ(json["backend"], "native");
  EXPECT_THAT(json["backend_reason"].get<std::string>(), HasSubstr("by the configuration file"));
  EXPECT_EQ(json["if_that_fails"][0]["backend"], "llama");
  EXPECT_EQ(json["if_that_fails"][0]["can"], true);
  EXPECT_TRUE(json["conversion"].is_null());
  s.environment["MINERVA_BACKEND"] = "llama";
  json = Json::parse(run_minerva(s).out);
  EXPECT_EQ(json["backend"], "llama");
  EXPECT_THAT(json["backend_reason"].get<std::string>(), HasSubstr("by MINERVA_BACKEND"));
  s.arguments = {"doctor", "--json"};
  json = Json::parse(run_minerva(s).out);
  EXPECT_EQ(json["config"]["exists"], true);
  EXPECT_EQ(json["config"]["backends"][0], "llama");
  EXPECT_THAT(json["cache"]["folder"].get<std::string>(), StartsWith(dir.path().string()));
  dir.write("c.json", R"({"bakend": "native"})");
  const Outcome doctor = run_minerva(s);
  EXPECT_EQ(doctor.status, 1);
  EXPECT_THAT(doctor.out, HasSubstr("key bakend is not known"));
  s.arguments = {"run", "-p", "x"};
  const Outcome refused = run_minerva(s);
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("key bakend is not known"));
}

TEST_F(Inspect, ShowPrintsTheTemplate) {
  const Outcome outcome = run({"show", "--template"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("<|im_start|>"));
  EXPECT_EQ(run_json({"show", "--template"})["template"].get<std::string>() + "\n", outcome.out);
}

TEST_F(Inspect, ShowNamesWhatItCannotRun) {
  const TempDir dir;
  const Outcome outcome =
      run({"show", dir.write("old.bin", std::string("lmgg\0\0\0\0\0\0\0\0", 12)).string()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("ggml"));
  EXPECT_THAT(outcome.err, HasSubstr("\n  "));
}

TEST_F(Inspect, TokenizeShowsIdsAndPieces) {
  const Json json = run_json({"tokenize", "-p", "Hello, world\n"});
  ASSERT_EQ(json["ids"].size(), json["tokens"].size());
  std::string text;
  for (const Json& token : json["tokens"]) text += token["piece"].get<std::string>();
  EXPECT_EQ(text, "Hello, world\n");
  const Outcome ids = run({"tokenize", "-p", "Hello, world\n", "--ids"});
  std::string expected = json["ids"].dump();
  EXPECT_EQ(ids.out, expected.substr(1, expected.size() - 2) + "\n");
  const Outcome table = run({"tokenize"}, "Hello, world\n");
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.out, HasSubstr("\"Hello\""));
  EXPECT_THAT(table.out, HasSubstr("\"\\n\""));
}

TEST_F(Inspect, TokenizeKnowsSpecialTokens) {
  const Json parsed = run_json({"tokenize", "-p", "<|im_start|>"});
  EXPECT_EQ(parsed["ids"], Json::array({1}));
  EXPECT_EQ(parsed["tokens"][0]["special"], true);
  EXPECT_EQ(parsed["tokens"][0]["piece"], "<|im_start|>");
  EXPECT_GT(run_json({"tokenize", "-p", "<|im_start|>", "--no-parse-special"})["ids"].size(), 1U);
}

TEST_F(Inspect, TokenizeAddsBosWhereTheModelWantsIt) {
  MINERVA_NEEDS_MODEL(gemma3_gguf());
  const std::string gemma = gemma3_gguf().string();
  EXPECT_EQ(run_json({"tokenize", gemma, "hi"})["ids"][0], 2);
  EXPECT_NE(run_json({"tokenize", gemma, "hi", "--no-bos"})["ids"][0], 2);
}

TEST_F(Inspect, TokenizeAnswersLines) {
  const Outcome outcome =
      run({"tokenize", "--jsonl"}, "{\"text\":\"Hello\"}\n{\"text\":\"\"}\n{\"text\":\"a<|im_end|>b\\n\"}\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::vector<Json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0]["decoded"], "Hello");
  EXPECT_EQ(answers[1]["ids"], Json::array());
  EXPECT_EQ(answers[2]["decoded"], "a<|im_end|>b\n");
  EXPECT_EQ(answers[2]["decoded_skip_special"], "ab\n");
  const Outcome wrong = run({"tokenize", "--jsonl"}, "{\"text\":\"x\"}\nnonsense\n");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("line 2"));
}

TEST_F(Inspect, BenchMeasures) {
  const Json json = run_json({"bench", "-p", "16", "-n", "4", "-r", "3"});
  ASSERT_EQ(json["tests"].size(), 2U);
  EXPECT_EQ(json["tests"][0]["test"], "pp16");
  EXPECT_EQ(json["tests"][1]["test"], "tg4");
  for (const Json& test : json["tests"]) {
    EXPECT_EQ(test["runs_tps"].size(), 3U);
    EXPECT_GT(test["min_tps"].get<double>(), 0);
    EXPECT_LE(test["min_tps"].get<double>(), test["median_tps"].get<double>());
    EXPECT_LE(test["median_tps"].get<double>(), test["max_tps"].get<double>());
  }
  EXPECT_EQ(json["backend"], "llama");
  EXPECT_GT(json["threads"].get<int>(), 0);
  EXPECT_GT(json["model_bytes"].get<double>(), 50e6);
  const Outcome table = run({"bench", "-p", "0", "-n", "2", "-r", "1", "-t", "1"});
  EXPECT_THAT(table.out, HasSubstr("tg2"));
  EXPECT_THAT(table.out, HasSubstr("1 thread"));
  EXPECT_EQ(table.out.find("pp"), std::string::npos);
}

TEST_F(Inspect, DoctorFindsEverything) {
  const Json json = run_json({"doctor"});
  EXPECT_EQ(json["ok"], true);
  EXPECT_GT(json["cpu"]["usable_cores"].get<int>(), 0);
  EXPECT_FALSE(json["cpu"]["features"].empty());
  EXPECT_GT(json["memory"]["total_bytes"].get<double>(), 0);
  EXPECT_EQ(json["backends"][0]["name"], "llama");
  EXPECT_EQ(json["model"]["path"], smollm2_gguf().string());
  EXPECT_THAT(run({"doctor"}).out, StartsWith("ok"));
}

TEST_F(Inspect, DoctorFailsForARealProblem) {
  Start s;
  s.arguments = {"doctor", "--json"};
  s.environment = {{"MINERVA_MODEL", "/nonexistent.gguf"}};
  const Outcome outcome = run_minerva(s);
  EXPECT_EQ(outcome.status, 1);
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["advice"][0]["topic"], "model");
  EXPECT_EQ(json["advice"][0]["verdict"], "problem");
}

}  // namespace
}  // namespace minerva::testing
