// `minerva run` with the default model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

class Run : public ::testing::Test {
 protected:
  void SetUp() override { MINERVA_NEEDS_MODEL(smollm2_gguf()); }

  static Start start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    Start s;
    s.arguments = std::move(arguments);
    s.environment = {{"MINERVA_MODEL", smollm2_gguf().string()}};
    return s;
  }
  static Outcome run(std::vector<std::string> arguments) { return run_minerva(start(std::move(arguments))); }
  static Json run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", "--temp", "0"});
    const Outcome outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    Json json = Json::parse(outcome.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << outcome.out;
    return json;
  }
};

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

TEST_F(Run, JsonIsTheContract) {
  const Json json = run_json({"-p", "Why is the sky blue?", "-n", "8", "--top-logprobs", "3"});
  EXPECT_THAT(keys(json),
              ElementsAre("model", "format", "backend", "backend_reason", "fallbacks", "numeric_mode",
                          "prompt", "prompt_tokens", "tokens", "text", "finish_reason", "complete", "seed",
                          "timings", "memory", "notes", "constraint_notes"));
  EXPECT_EQ(json["format"], "gguf");
  EXPECT_EQ(json["backend"], "llama");
  EXPECT_EQ(json["fallbacks"], Json::array());
  EXPECT_FALSE(json["backend_reason"].get<std::string>().empty());
  EXPECT_THAT(json["prompt"].get<std::string>(),
              HasSubstr("<|im_start|>user\nWhy is the sky blue?<|im_end|>"));
  EXPECT_EQ(json["finish_reason"], "length");
  ASSERT_EQ(json["tokens"].size(), 8U);
  std::string text;
  for (const Json& token : json["tokens"]) {
    text += token["text"].get<std::string>();
    ASSERT_EQ(token["top"].size(), 3U);
    EXPECT_EQ(token["top"][0]["id"], token["id"]) << "greedy";
    EXPECT_NEAR(token["top"][0]["logprob"].get<double>(), token["logprob"].get<double>(), 1e-4);
    EXPECT_LE(token["top"][1]["logprob"].get<double>(), token["top"][0]["logprob"].get<double>());
    EXPECT_LE(token["logprob"].get<double>(), 0);
  }
  EXPECT_EQ(json["text"], text);
  EXPECT_EQ(json["timings"]["prefill_tokens"].get<std::size_t>() +
                json["timings"]["cached_tokens"].get<std::size_t>(),
            json["prompt_tokens"].size());
  EXPECT_EQ(json["timings"]["decode_tokens"], 7);
  EXPECT_GT(json["timings"]["load_ms"].get<double>(), 0);
  EXPECT_GT(json["memory"]["weights_bytes"].get<double>(), 50e6);
}

TEST_F(Run, TopIsEmptyWhenNotAskedFor) {
  const Json json = run_json({"-p", "Hi", "-n", "2"});
  for (const Json& token : json["tokens"]) {
    EXPECT_EQ(token["top"], Json::array());
    EXPECT_LT(token["logprob"].get<double>(), 0);
  }
}

TEST_F(Run, TheSameAnswerComesAsText) {
  const std::string text = run_json({"-p", "Name a river.", "-n", "12"})["text"];
  const Outcome outcome = run({"-p", "Name a river.", "-n", "12", "--temp", "0"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, text + (text.ends_with('\n') ? "" : "\n"));
  EXPECT_EQ(outcome.err, "") << "nothing but the answer in a pipe";
}

TEST_F(Run, EveryWayToGiveThePromptIsTheSame) {
  const TempDir dir;
  const std::string question = "Say \"caf\xC3\xA9\".\nTwice.";
  const auto file = dir.write("prompt.txt", question + "\n");
  const Json expected = run_json({"-p", question, "-n", "1"})["prompt_tokens"];
  EXPECT_EQ(run_json({smollm2_gguf().string(), question, "-n", "1"})["prompt_tokens"], expected);
  EXPECT_EQ(run_json({"-m", smollm2_gguf().string(), "--prompt", question, "-n", "1"})["prompt_tokens"],
            expected);
  EXPECT_EQ(run_json({"-m", smollm2_gguf().string(), question, "-n", "1"})["prompt_tokens"], expected);
  EXPECT_EQ(run_json({"-f", file.string(), "-n", "1"})["prompt_tokens"], expected);
  for (const std::vector<std::string>& from_stdin : {std::vector<std::string>{}, {"-p", "-"}, {"-f", "-"}}) {
    Start s = start(from_stdin);
    s.arguments.insert(s.arguments.end(), {"-n", "1", "--temp", "0", "--json"});
    s.input = question + "\n";
    const Outcome outcome = run_minerva(s);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["prompt_tokens"], expected);
  }
}

TEST_F(Run, RawTakesEveryByte) {
  const Json json = run_json({"--raw", "-p", "Once upon a time\n", "-n", "1"});
  EXPECT_EQ(json["prompt"], "Once upon a time\n");
  Start s = start({"--raw", "-n", "1", "--json"});
  s.input = "Once upon a time\n";
  EXPECT_EQ(Json::parse(run_minerva(s).out)["prompt_tokens"], json["prompt_tokens"]);
}

TEST_F(Run, PromptIdsBypassTheTokenizer) {
  const Json text = run_json({"--raw", "-p", "Once upon a time", "-n", "4"});
  std::string ids;
  for (const Json& id : text["prompt_tokens"]) ids += (ids.empty() ? "" : ",") + id.dump();
  const Json from_ids = run_json({"--prompt-ids", ids, "-n", "4"});
  EXPECT_EQ(from_ids["prompt_tokens"], text["prompt_tokens"]);
  EXPECT_EQ(from_ids["prompt"], "Once upon a time");
  EXPECT_EQ(from_ids["text"], text["text"]);
}

TEST_F(Run, SystemPromptStopAndIgnoreEos) {
  EXPECT_THAT(run_json({"-p", "Hi", "-n", "1", "-sys", "Talk like a pirate."})["prompt"].get<std::string>(),
              StartsWith("<|im_start|>system\nTalk like a pirate.<|im_end|>"));
  const std::string full = run_json({"--raw", "-p", "1 2 3 4 5 6", "-n", "8"})["text"];
  ASSERT_GT(full.size(), 4U);
  const std::string stop = full.substr(3, 1);
  const Json stopped = run_json({"--raw", "-p", "1 2 3 4 5 6", "-n", "8", "--stop", stop});
  EXPECT_EQ(stopped["finish_reason"], "stop");
  EXPECT_EQ(stopped["text"], full.substr(0, full.find(stop)));
  const Json on = run_json({"-p", "Answer with the single word: yes", "-n", "60", "--ignore-eos"});
  EXPECT_EQ(on["tokens"].size(), 60U);
  EXPECT_EQ(on["finish_reason"], "length");
}

TEST_F(Run, ASeedRepeatsTheDrawFiftyTimes) {
  const std::vector<std::string> arguments = {"-p", "Tell me a story.", "-n", "8", "--seed",
                                              "7",  "--temp",           "1.2"};
  const Outcome first = run(arguments);
  EXPECT_EQ(first.status, 0);
  constexpr int kRuns = kSlowdown > 1 ? 5 : 50;  // starting takes most of the time
  for (int i = 1; i < kRuns; ++i) ASSERT_EQ(run(arguments).out, first.out) << "run " << i;
  std::vector<std::string> other = arguments;
  other[5] = "8";
  EXPECT_NE(run(other).out, first.out);
}

TEST_F(Run, TheSeedInJsonRepeatsTheDraw) {
  const auto drawn = [](std::vector<std::string> more) {
    more.insert(more.end(), {"-p", "Tell me a story.", "-n", "8", "--temp", "1.2", "--json"});
    return Json::parse(run(std::move(more)).out);
  };
  const Json first = drawn({});
  EXPECT_EQ(drawn({"-s", first["seed"].dump()})["text"], first["text"]);
  EXPECT_EQ(drawn({"-s", "7"})["seed"], 7);
}

TEST_F(Run, ACutConstraintIsTold) {
  const std::vector<std::string> cut = {"-p", "A person.", "--json-object", "-n", "2", "--temp", "0"};
  const Outcome text = run(cut);
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.err, HasSubstr("cut at 2 tokens, before the answer was what --json-object demands"));
  const Json json = run_json(cut);
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["complete"], false);
  const Json whole = run_json({"-p", "Is water wet?", "--choice", "yes", "--choice", "no", "-n", "9"});
  EXPECT_EQ(whole["complete"], true);
}

TEST_F(Run, LogitBiasDemandsAToken) {
  for (const char* backend : {"llama", "native"}) {
    const Outcome outcome =
        run({"--raw", "-p", "Hi", "-n", "5", "--logit-bias", "33377+inf", "--min-p", "0",
             "--no-repeat-ngram-size", "2", "--ignore-eos", "--backend", backend, "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Json tokens = Json::parse(outcome.out)["tokens"];
    EXPECT_EQ(tokens.size(), 5U);
    for (const Json& token : tokens) EXPECT_EQ(token["id"], 33377);
  }
}

// A flag that a backend can't honour is refused by its name.
TEST_F(Run, NoMmapIsForTheLlamaBackend) {
  EXPECT_EQ(run({"-p", "Hi", "-n", "1", "--no-mmap"}).status, 0);
  for (const char* command : {"run", "bench"}) {
    Start s = start({});
    s.arguments = {command,     "-p",    command == std::string("run") ? "Hi" : "8", "-n", "1", "--no-mmap",
                   "--backend", "native"};
    const Outcome outcome = run_minerva(s);
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("--no-mmap is given, and the native backend"));
  }
}

// A folder that holds one GGUF is that file, for every command and both backends.
TEST_F(Run, AFolderOfOneGgufIsThatFile) {
  const TempDir dir;
  std::filesystem::create_symlink(smollm2_gguf(), dir.path() / "model.gguf");
  const std::string folder = dir.path().string();
  for (const char* backend : {"llama", "native"}) {
    const Outcome outcome = run({folder, "Hi", "-n", "1", "--backend", backend});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  }
  EXPECT_EQ(run_minerva({"tokenize", folder, "Hi"}).status, 0);
  EXPECT_EQ(run_minerva({"show", folder}).status, 0);
  dir.write("mmproj-model.gguf", "GGUF");  // no model of its own
  EXPECT_EQ(run({folder, "Hi", "-n", "1", "--backend", "native"}).status, 0);
  std::filesystem::create_symlink(smollm2_gguf(), dir.path() / "other.gguf");
  const Outcome several = run({folder, "Hi", "-n", "1", "--backend", "native"});
  EXPECT_EQ(several.status, 2);
  EXPECT_THAT(several.err, HasSubstr("holds 2 GGUF models: 'model.gguf', 'other.gguf'"));
}

TEST_F(Run, LogitBiasBansAToken) {
  const Json json = run_json({"--raw", "-p", "The capital of France is", "-n", "1"});
  const std::string likeliest = json["tokens"][0]["id"].dump();
  const Json without =
      run_json({"--raw", "-p", "The capital of France is", "-n", "1", "--logit-bias", likeliest + "-inf"});
  EXPECT_NE(without["tokens"][0]["id"].dump(), likeliest);
}

TEST_F(Run, ErrorsHaveTheirExitStatus) {
  const TempDir dir;
  const auto onnx = dir.write("model.onnx", std::string("\x08\x07\x12\x07pytorch", 11));
  const auto broken =
      dir.write("broken.gguf", std::string("GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16));
  struct Case {
    std::vector<std::string> arguments;
    int status;
    std::string code;
  };
  const std::string model = smollm2_gguf().string();
  const std::vector<Case> cases = {
      {{onnx.string(), "-p", "x"}, 2, "InvalidRequest"},
      {{broken.string(), "-p", "x"}, 3, "ModelLoading"},
      {{model, "-p", "x", "--temp", "-1"}, 2, "InvalidRequest"},
      {{model, "-p", "x", "--top-p", "0"}, 2, "InvalidRequest"},
      {{model, "-p", "x", "--backend", "llama", "--numeric", "exact"}, 2, "InvalidRequest"},
      {{model, "-p", "x", "--batch-size", "0"}, 2, "InvalidRequest"},
      {{model, "-p", "x", "--threads", "-1"}, 2, "InvalidRequest"},
      {{model, "-p", "x", "--top-logprobs", "999999"}, 2, "InvalidRequest"},
      {{model, "--prompt-ids", "999999"}, 2, "InvalidRequest"},
      {{model, "--raw", "-p", ""}, 2, "InvalidRequest"},
      {{model, "-p", "x", "-c", "64", "-n", "100"}, 2, "ContextOverflow"},
      {{model, "-p", "x", "--memory-limit", "50M"}, 4, "OutOfMemory"},
  };
  for (Case c : cases) {
    c.arguments.emplace_back("--json");
    const Outcome outcome = run(c.arguments);
    SCOPED_TRACE(outcome.err);
    EXPECT_EQ(outcome.status, c.status);
    const Json json = Json::parse(outcome.out, nullptr, false);
    ASSERT_TRUE(json.is_object()) << outcome.out;
    EXPECT_EQ(json["error"]["code"], c.code);
    EXPECT_FALSE(json["error"]["remedy"].get<std::string>().empty());
  }
}

// What llama.cpp has not, the native backend does: and says so.
TEST_F(Run, FallsBackAndSaysWhy) {
  const Outcome outcome = run({"-p", "x", "-n", "1", "--numeric", "exact", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["backend"], "native");
  EXPECT_EQ(json["numeric_mode"], "exact");
  ASSERT_EQ(json["fallbacks"].size(), 1U);
  EXPECT_EQ(json["fallbacks"][0]["backend"], "llama");
  EXPECT_EQ(json["fallbacks"][0]["reason"], "it has one numeric mode only");
  EXPECT_THAT(outcome.err, HasSubstr("the llama backend can't run"));
}

TEST_F(Run, AnOverflowSaysBothNumbers) {
  const Outcome outcome = run({"-p", "x", "-c", "64", "-n", "100"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("64"));
  EXPECT_THAT(outcome.err, HasSubstr("100"));
}

TEST_F(Run, WrongValuesAreFoundBeforeLoading) {
  // The limit would forbid loading; the temperature is refused first.
  const Outcome outcome = run({"-p", "x", "--temp", "-1", "--memory-limit", "1M"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("temperature"));
}

TEST_F(Run, NoPromptIsExplained) {
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("there is no prompt"));
  EXPECT_THAT(outcome.err, HasSubstr("minerva chat"));
}

TEST_F(Run, StopsWhenItsReaderLeaves) {
  Start s = start({"-p", "Tell me a long story.", "--ignore-eos", "-n", "5000"});
  s.close_output_after = 20;
  const Outcome outcome = run_minerva(s);
  EXPECT_EQ(outcome.status, 130);
  EXPECT_EQ(outcome.err, "") << "no complaint: that is how `| head` works";
}

TEST_F(Run, CtrlCStopsAndKeepsWhatIsThere) {
  Start s = start({"-p", "Tell me a long story.", "--ignore-eos", "-n", "5000"});
  s.interrupt_after = 20;
  const Outcome text = run_minerva(s);
  EXPECT_EQ(text.status, 130);
  EXPECT_GE(text.out.size(), 20U);
  EXPECT_THAT(text.out, ::testing::EndsWith("\n"));
  EXPECT_THAT(text.err, HasSubstr("[cancelled]"));
}

TEST_F(Run, CtrlCWithJsonGivesTheObject) {
  // -v says on standard error that the model is there; then the answer is on its way.
  Start s = start({"-p", "Tell me a long story.", "--ignore-eos", "-n", "5000", "--json", "-v"});
  s.interrupt_after = 0;
  const Outcome outcome = run_minerva(s);
  EXPECT_EQ(outcome.status, 130);
  const Json json = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << outcome.out;
  if (json.contains("error")) {  // it came while the model was loading
    EXPECT_EQ(json["error"]["code"], "Cancelled");
  } else {
    EXPECT_EQ(json["finish_reason"], "cancelled");
  }
}

TEST_F(Run, VerbosePrintsTimingsOnStandardError) {
  const Outcome outcome = run({"-p", "Hi", "-n", "4", "-v"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("prompt tokens"));
  EXPECT_THAT(outcome.err, HasSubstr("llama]"));
}

}  // namespace
}  // namespace minerva::testing
