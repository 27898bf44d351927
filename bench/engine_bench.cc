// What a request waits for, through the engine: the first answer, a later one, one to a model in memory, a
// deadline. Prompts have 100 tokens and nothing in common, so that no kept prefix helps.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "minerva/engine.h"
#include "support/temp_dir.h"

namespace minerva {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void on_both_backends(benchmark::internal::Benchmark* bench) {
  bench->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
}

ModelOptions options_of(benchmark::State& state) {
  const std::string backend = state.range(0) == 0 ? "llama" : "native";
  state.SetLabel(backend);
  return {.backends = {backend}};
}

GenerationRequest request_of(TokenId seed, std::uint32_t max_tokens) {
  constexpr std::size_t kPromptTokens = 100;
  std::vector<TokenId> prompt(kPromptTokens);
  for (std::size_t i = 0; i < kPromptTokens; ++i)
    prompt[i] = 1000 + (seed * 7919 + static_cast<TokenId>(i) * 31) % 20'000;
  GenerationRequest request{.prompt = std::move(prompt)};
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  return request;
}

// An engine of its own each time: opening, loading, and up to the first token.
void first_answer(benchmark::State& state) {
  const ModelOptions options = options_of(state);
  for ([[maybe_unused]] const auto& pass : state) {
    Engine engine;
    const auto model = engine.open(testing::smollm2_gguf(), options);
    const auto answer = model ? (*model)->generate(request_of(0, 1)) : std::unexpected(model.error());
    if (!answer) return state.SkipWithError(answer.error().message.c_str());
  }
}
BENCHMARK(first_answer)->Name("Engine/first_answer")->Apply(on_both_backends);

// To a model in memory: `start_ms` until the request is among those that are computed, the time itself until
// its first token.
void later_answer(benchmark::State& state) {
  const ModelOptions options = options_of(state);
  Engine engine;
  TokenId seed = 0;
  double start_ms = 0;
  const auto ask = [&]() -> Result<void> {
    const auto begin = Clock::now();
    const auto model = engine.open(testing::smollm2_gguf(), options);
    if (!model) return std::unexpected(model.error());
    const double opened = ms_since(begin);
    const auto answer = (*model)->generate(request_of(++seed, 1));
    if (!answer) return std::unexpected(answer.error());
    start_ms = std::max(start_ms, opened + answer->timings.queue_ms);
    return {};
  };
  if (const auto first = ask(); !first) return state.SkipWithError(first.error().message.c_str());
  start_ms = 0;
  for ([[maybe_unused]] const auto& pass : state) {
    if (const auto asked = ask(); !asked) return state.SkipWithError(asked.error().message.c_str());
  }
  state.counters["start_ms_worst"] = start_ms;
}
BENCHMARK(later_answer)->Name("Engine/later_answer")->Apply(on_both_backends);

// How much later than its deadline an answer of 2,000 tokens comes back: in the middle of the prompt, and of
// the answer.
void deadline(benchmark::State& state) {
  const ModelOptions options = options_of(state);
  Engine engine;
  const auto model = engine.open(testing::smollm2_gguf(), options);
  if (!model) return state.SkipWithError(model.error().message.c_str());
  TokenId seed = 0;
  double late_ms = 0;
  for ([[maybe_unused]] const auto& pass : state) {
    auto request = request_of(++seed, 2000);
    request.deadline = std::chrono::milliseconds(20 + seed * 13 % 300);
    const auto begin = Clock::now();
    const auto answer = (*model)->generate(request);
    if (!answer) return state.SkipWithError(answer.error().message.c_str());
    if (answer->finish_reason != FinishReason::Cancelled) return state.SkipWithError("it was not cancelled");
    late_ms = std::max(late_ms, ms_since(begin) - static_cast<double>(request.deadline->count()));
  }
  state.counters["late_ms_worst"] = late_ms;
}
BENCHMARK(deadline)->Name("Engine/deadline")->Apply(on_both_backends);

}  // namespace
}  // namespace minerva
