// Answers of real models that are held to a form: valid at a temperature at which they ramble.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "minerva/engine.h"
#include "support/grammar_cases.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"

namespace minerva::testing {
namespace {

class ConstrainedOutput : public ::testing::TestWithParam<const char*> {};

// Many at once, through the scheduler. MINERVA_GRAMMAR_CASES=all: every case of the conformance set.
TEST_P(ConstrainedOutput, IsValidAtTemperatureOneAndAHalf) {
  MINERVA_NEEDS_MODEL(smollm2_gguf());
  const char* const asked = std::getenv("MINERVA_GRAMMAR_CASES");
  const std::size_t every = asked != nullptr && std::string(asked) == "all" ? 1 : kSanitized ? 100 : 12;
  std::vector<nlohmann::ordered_json> cases;
  std::size_t seen = 0;
  for (const char* file : {"values", "structures", "combined", "keywords", "texts"}) {
    for (auto& test : grammar_cases(file)) {
      if (!test.contains("refuse") && seen++ % every == 0) cases.push_back(std::move(test));
    }
  }
  Engine engine(EngineOptions{});
  constexpr unsigned kAtOnce = 8;
  const auto model = engine.open(smollm2_gguf(), {.backends = {GetParam()}, .parallel = kAtOnce});
  ASSERT_TRUE(model) << model.error().message;
  std::vector<Result<Generation>> answers(cases.size());
  std::atomic<std::size_t> next = 0;
  const auto answer_some = [&] {
    for (std::size_t i = next++; i < cases.size(); i = next++) {
      GenerationRequest request{.prompt = "A short example, as in the documentation:\n"};
      request.sampling.temperature = 1.5F;
      request.sampling.seed = i;
      request.max_tokens = 128;
      request.constraint = constraint_of(cases[i]);
      answers[i] = (*model)->generate(request);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < kAtOnce; ++i) threads.emplace_back(answer_some);
  }
  std::size_t ended = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i]["text"].dump().substr(0, 300));
    ASSERT_TRUE(answers[i]) << answers[i].error().message;
    if (answers[i]->finish_reason != FinishReason::Stop) continue;  // it had more to say
    ++ended;
    EXPECT_EQ(why_invalid(cases[i], answers[i]->text), "") << answers[i]->text;
  }
  EXPECT_GE(ended, cases.size() * 3 / 5) << "of " << cases.size();
  RecordProperty("ended", std::to_string(ended) + " of " + std::to_string(cases.size()));
}

INSTANTIATE_TEST_SUITE_P(Backends, ConstrainedOutput, ::testing::Values("llama", "native"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace minerva::testing
