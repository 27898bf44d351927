// Requests to real models at the same time: what they share must not show in what they answer.
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "minerva/engine.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using testing::gemma3_gguf;
using testing::smollm2_gguf;

const std::vector<std::string> kPrompts = {
    "The capital of France is",
    "def fibonacci(n):\n",
    "Once upon a time, in a house by the sea, there lived an old woman who had three cats. The first cat was",
    "1, 2, 3, 4, 5, 6,",
    "Water boils at",
    "The quick brown fox",
    "Dear Sir or Madam,\n\nI am writing to",
    "import numpy as np\n",
    "In the beginning",
    "Q: What is the largest planet?\nA:"};

GenerationRequest greedy(std::string prompt, std::uint32_t max_tokens) {
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.temperature = 0.0F;
  request.ignore_eos = true;
  return request;
}

std::vector<TokenId> ids(const Generation& generation) {
  std::vector<TokenId> result;
  for (const auto& token : generation.tokens) result.push_back(token.id);
  return result;
}

struct Case {
  const char* name;
  bool gemma;
  const char* backend;
};

class SharedBatches : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto path = GetParam().gemma ? gemma3_gguf() : smollm2_gguf();
    MINERVA_NEEDS_MODEL(path);
    auto opened = engine_.open(path, {.backends = {GetParam().backend}, .context_tokens = 1024});
    ASSERT_TRUE(opened) << opened.error().message;
    model_ = *opened;
  }
  bool is_native() const { return std::string(GetParam().backend) == "native"; }

  Engine engine_;
  std::shared_ptr<LoadedModel> model_;
};

// On the native engine a row's result does not depend on its company: the ids are equal whatever else runs.
// (On llama.cpp the shape of a batch may turn a close decision, so there it is only asked that all are
// answered.)
TEST_P(SharedBatches, ConcurrentAnswersAreThoseOfLoneRuns) {
  constexpr std::uint32_t kTokens = 12;
  std::vector<std::future<Result<Generation>>> answers;
  for (const std::string& prompt : kPrompts) {
    answers.push_back(
        std::async(std::launch::async, [&, prompt] { return model_->generate(greedy(prompt, kTokens)); }));
  }
  for (std::size_t i = 0; i < kPrompts.size(); ++i) {
    const auto together = answers[i].get();
    ASSERT_TRUE(together) << together.error().message;
    EXPECT_EQ(together->tokens.size(), kTokens);
    if (!is_native()) continue;
    const auto alone = model_->generate(greedy(kPrompts[i], kTokens));
    EXPECT_EQ(ids(*together), ids(*alone)) << kPrompts[i];
  }
}

// A conversation goes on from what was computed of its turns before, also where windows have moved on: Gemma
// 3's are 512 tokens long.
TEST_P(SharedBatches, ATurnComputesOnlyWhatIsNew) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "The sea was calm and the boats were still in the harbour that day. ";
  const auto first = model_->generate(greedy(text, 8)).value();
  ASSERT_GT(first.prompt_tokens.size(), 600U);
  std::vector<TokenId> next = first.prompt_tokens;
  for (const TokenId id : ids(first)) next.push_back(id);
  const std::size_t before = next.size();
  next.insert(next.end(), {100, 200, 300, 400, 500});
  GenerationRequest request = greedy("", 4);
  request.prompt = next;
  const auto second = model_->generate(request).value();
  EXPECT_GE(second.timings.cached_tokens, before - 1);
  EXPECT_LE(second.timings.prefill_tokens, 6U);
}

// The same with an answer that does not come back as it was written (a template may change it).
TEST_P(SharedBatches, AChangedAnswerStartsAgainAtTheEndOfThePrompt) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "The sea was calm and the boats were still in the harbour that day. ";
  const auto first = model_->generate(greedy(text, 8)).value();
  std::vector<TokenId> next = first.prompt_tokens;
  next.insert(next.end(), {100, 200, 300, 400, 500});
  GenerationRequest request = greedy("", 4);
  request.prompt = next;
  const auto second = model_->generate(request).value();
  EXPECT_GE(second.timings.cached_tokens + 1, first.prompt_tokens.size());
  if (!is_native()) return;
  Engine other;
  const auto fresh =
      other.open(model_->description().path, {.backends = {"native"}, .context_tokens = 1024}).value();
  EXPECT_EQ(ids(second), ids(fresh->generate(request).value()));
}

INSTANTIATE_TEST_SUITE_P(Models, SharedBatches,
                         ::testing::Values(Case{"SmolLm2Llama", false, "llama"},
                                           Case{"SmolLm2Native", false, "native"},
                                           Case{"Gemma3Llama", true, "llama"},
                                           Case{"Gemma3Native", true, "native"}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace minerva
