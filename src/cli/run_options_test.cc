#include "cli/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace minerva::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

struct Parsed {
  Arguments arguments;
  RunOptions options;
  CommonFlags common;
  Result<void> result;

  explicit Parsed(std::vector<std::string> list) {
    declare_run(arguments, options, common);
    result = arguments.parse(std::move(list));
    if (result) result = check_run(options, common);
  }
};

TEST(RunOptions, ReadsEveryFlag) {
  Parsed p({"m.gguf",
            "hello",
            "-n",
            "5",
            "-c",
            "100",
            "-t",
            "2",
            "-b",
            "64",
            "--temp",
            "0.5",
            "--top-k",
            "7",
            "--top-p",
            "0.9",
            "--min-p",
            "0.1",
            "--typical",
            "0.8",
            "--repeat-penalty",
            "1.1",
            "--repeat-last-n",
            "-1",
            "--presence-penalty",
            "0.2",
            "--frequency-penalty",
            "-0.3",
            "--logit-bias",
            "5+1",
            "--logit-bias",
            "6-inf",
            "-s",
            "42",
            "--stop",
            "A",
            "-r",
            "B",
            "--ignore-eos",
            "--system",
            "Be brief.",
            "--top-logprobs",
            "3",
            "--json",
            "--backend",
            "native,llama",
            "--numeric",
            "exact",
            "--memory-limit",
            "2G",
            "--no-mmap",
            "--no-progress",
            "-v",
            "--color",
            "never"});
  ASSERT_TRUE(p.result) << p.result.error().message;
  const RunOptions& o = p.options;
  EXPECT_EQ(o.model.positional, "m.gguf");
  EXPECT_EQ(o.text.positional, "hello");
  EXPECT_EQ(o.generation.max_tokens, 5U);
  EXPECT_EQ(o.engine.options.context_tokens, 100U);
  EXPECT_EQ(o.engine.options.threads, 2);
  EXPECT_EQ(o.engine.options.batch_tokens, 64U);
  const SamplingOptions& s = o.generation.sampling;
  EXPECT_FLOAT_EQ(*s.temperature, 0.5F);
  EXPECT_EQ(s.top_k, 7);
  EXPECT_FLOAT_EQ(*s.top_p, 0.9F);
  EXPECT_FLOAT_EQ(*s.min_p, 0.1F);
  EXPECT_FLOAT_EQ(*s.typical_p, 0.8F);
  EXPECT_FLOAT_EQ(*s.repetition_penalty, 1.1F);
  EXPECT_EQ(s.penalty_last_n, -1);
  EXPECT_FLOAT_EQ(*s.presence_penalty, 0.2F);
  EXPECT_FLOAT_EQ(*s.frequency_penalty, -0.3F);
  EXPECT_THAT(s.logit_bias, ElementsAre(Pair(5, 1.0F), Pair(6, -std::numeric_limits<float>::infinity())));
  EXPECT_EQ(s.seed, 42U);
  EXPECT_THAT(o.generation.stop, ElementsAre("A", "B"));
  EXPECT_TRUE(o.generation.ignore_eos);
  EXPECT_EQ(o.generation.system, "Be brief.");
  EXPECT_EQ(o.generation.top_logprobs, 3U);
  EXPECT_THAT(o.engine.options.backends, ElementsAre("native", "llama"));
  EXPECT_EQ(o.engine.options.numeric_mode, NumericMode::Exact);
  EXPECT_EQ(o.engine.memory_limit_bytes, 2ULL << 30U);
  EXPECT_FALSE(o.engine.options.use_mmap);
  EXPECT_TRUE(p.common.json);
  EXPECT_TRUE(p.common.no_progress);
  EXPECT_EQ(p.common.verbose, 1);
  EXPECT_EQ(p.common.color, ColorChoice::Never);
}

TEST(RunOptions, KnowsTheNamesOfOtherTools) {
  const Parsed mlx({"--model", "m", "--prompt", "hi", "--max-tokens", "9", "--temperature", "1"});
  EXPECT_EQ(mlx.options.model.flag, "m");
  EXPECT_EQ(mlx.options.text.flag, "hi");
  EXPECT_EQ(mlx.options.generation.max_tokens, 9U);
  const Parsed llama({"-m", "m", "--n-predict", "-1", "-sys", "Be.", "--reverse-prompt", "U:", "--ctx-size",
                      "64", "--seed", "-1"});
  ASSERT_TRUE(llama.result) << llama.result.error().message;
  EXPECT_EQ(llama.options.generation.max_tokens, kUnlimitedTokens);
  EXPECT_EQ(llama.options.generation.system, "Be.");
  EXPECT_EQ(llama.options.generation.sampling.seed, std::nullopt);
  EXPECT_EQ(llama.options.engine.options.context_tokens, 64U);
}

TEST(RunOptions, LeavesWhatWasNotGivenToTheModel) {
  const Parsed p({"m"});
  EXPECT_EQ(p.options.generation.sampling.temperature, std::nullopt);
  EXPECT_EQ(p.options.generation.max_tokens, std::nullopt);
  EXPECT_EQ(p.options.engine.options.numeric_mode, NumericMode::Default);
  EXPECT_TRUE(p.options.engine.options.backends.empty());
  EXPECT_THAT(Parsed({"m", "--backend", "auto"}).options.engine.options.backends, ElementsAre("auto"));
  EXPECT_THAT(Parsed({"m", "--backend", "native,auto"}).options.engine.options.backends,
              ElementsAre("native", "auto"));
}

TEST(RunOptions, RefusesWhatMakesNoSense) {
  struct Case {
    std::vector<std::string> arguments;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{"--temp", "nan"}, "--temp: 'nan' is not a number"},
      {{"--top-k", "99999999999"}, "too large"},
      {{"-n", "ten"}, "--max-tokens: 'ten'"},
      {{"-s", "-2"}, "--seed: '-2'"},
      {{"--backend", "cuda"}, "'cuda' is no backend"},
      {{"--backend", ""}, "'' is no backend"},
      {{"--backend", "auto,"}, "'' is no backend"},
      {{"--numeric", "fp16"}, "'fp16' is not one of exact, fast"},
      {{"--color", "blue"}, "'blue'"},
      {{"--memory-limit", "lots"}, "'lots'"},
      {{"--logit-bias", "x"}, "ID+BIAS"},
      {{"--prompt-ids", "1,x"}, "'x' is not a token id"},
      {{"--prompt-ids", "1", "-p", "x"}, "both given"},
      {{"--raw", "--system", "x"}, "--system"},
      {{"--prompt-ids", "1", "--system", "x"}, "--system"},
      {{"--top-logprobs", "3"}, "--json"},
      {{"--stop", ""}, "--stop is empty"},
      {{"--stop", "\xff"}, "UTF-8"},
      {{"--system", "\xff"}, "UTF-8"},
  };
  for (const Case& c : cases) {
    const Parsed p(c.arguments);
    ASSERT_FALSE(p.result) << c.message;
    EXPECT_EQ(p.result.error().code, ErrorCode::InvalidRequest);
    EXPECT_THAT(p.result.error().message, HasSubstr(c.message));
    EXPECT_FALSE(p.result.error().remedy.empty());
  }
}

}  // namespace
}  // namespace minerva::cli
