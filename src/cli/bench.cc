// `minerva bench`: how fast a model reads and writes on this machine.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "backends/computing_threads.h"
#include "base/cpu.h"
#include "base/terminal.h"
#include "cli/bench_statistics.h"
#include "cli/command.h"
#include "cli/human.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/native_hint.h"
#include "cli/numbers.h"
#include "cli/progress_bar.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

const CommandText kText = {
    .name = "bench",
    .synopsis = "[MODEL] [options]",
    .summary = "measure how fast a model runs here",
    .about =
        "Measures how fast a model reads a prompt (pp) and writes an answer (tg) on this\n"
        "machine's CPU, in tokens per second: the median of several runs after one that\n"
        "does not count. The native engine is often faster: compare --backend native.",
    .examples = {"minerva bench", "minerva bench llama.gguf --backend native",
                 "minerva bench llama.gguf --prompt-tokens 1024 --gen-tokens 0",
                 "minerva bench -np 16 -n 128", "minerva bench -t 1 --json"}};

constexpr std::uint32_t kShortPrompt = 16;  // of answers that are measured together

struct Measurement {
  std::string name;  // "pp512"
  std::uint32_t tokens = 0;
  std::vector<double> speeds;  // tokens per second, one a run
};

std::unexpected<Error> cancelled() {
  return fail(ErrorCode::Cancelled, "the measurement was cancelled", "Start it again for a result.");
}

class BenchCommand : public Command {
 public:
  const CommandText& text() const override { return kText; }
  void declare(Arguments& arguments) override;
  Result<int> execute(Console& console) override;

 private:
  Result<void> check() const;
  std::uint32_t context_tokens() const {
    return std::max(prompt_tokens_, kShortPrompt + generated_tokens_) + 1;
  }
  /// One run. `prompt` tokens are read, `generated` are written after the first.
  Result<Timings> run_once(LoadedModel& model, std::uint32_t prompt, std::uint32_t generated,
                           const std::stop_token& stop);
  GenerationRequest make_request(const LoadedModel& model, std::uint32_t prompt, std::uint32_t generated,
                                 const std::stop_token& stop);
  /// One run of `parallel_` answers at the same time: new tokens of all per second, short prompts included.
  Result<double> run_together(LoadedModel& model, const std::stop_token& stop);
  Result<Measurement> measure_together(LoadedModel& model, Console& console, const std::stop_token& stop);
  Result<Measurement> measure(LoadedModel& model, bool reading, Console& console,
                              const std::stop_token& stop);
  void print(const LoadedModel& model, const std::vector<Measurement>& all, Console& console) const;
  Json as_json(const LoadedModel& model, const std::vector<Measurement>& all) const;
  int threads() const;

  ModelFlags model_;
  EngineFlags engine_;
  std::uint32_t prompt_tokens_ = 512;
  std::uint32_t generated_tokens_ = 64;
  std::uint32_t repetitions_ = 5;
  std::uint32_t parallel_ = 1;
  std::minstd_rand random_{42};
  TokenId last_first_ = -1;
};

void BenchCommand::declare(Arguments& arguments) {
  const auto count = [](std::uint32_t& target) {
    return [&target](std::string_view name, const std::string& value) -> Result<void> {
      MINERVA_ASSIGN(target, parse_uint32(name, value));
      return {};
    };
  };
  arguments.group("Measurement");
  declare_model(arguments, model_);
  arguments.value("-p,--prompt-tokens,--n-prompt", "N", "tokens of the prompt; 0 = leave out (512)",
                  Listed::InShort, count(prompt_tokens_));
  arguments.value("-n,--gen-tokens,--n-gen", "N", "tokens of the answer; 0 = leave out (64)", Listed::InShort,
                  count(generated_tokens_));
  arguments.value("-np,--parallel", "N", "also measure N answers at the same time (1)", Listed::InShort,
                  count(parallel_));
  arguments.value("-r,--repetitions", "N", "runs that count (5)", Listed::InShort, count(repetitions_));
  declare_engine(arguments, engine_);
  declare_common(arguments, common_);
}

Result<void> BenchCommand::check() const {
  constexpr std::uint32_t kTokensMax = 1U << 20U;
  constexpr std::uint32_t kRepetitionsMax = 1000;
  if (prompt_tokens_ > kTokensMax || generated_tokens_ > kTokensMax) {
    return invalid_request(
        fmt::format("{} tokens are too many for a measurement", std::max(prompt_tokens_, generated_tokens_)),
        fmt::format("Give at most {}.", kTokensMax));
  }
  if (repetitions_ < 1 || repetitions_ > kRepetitionsMax) {
    return invalid_request(fmt::format("--repetitions is {}", repetitions_),
                           fmt::format("Give a number in [1, {}].", kRepetitionsMax));
  }
  constexpr std::uint32_t kParallelMax = 256;
  if (parallel_ < 1 || parallel_ > kParallelMax) {
    return invalid_request(fmt::format("--parallel is {}", parallel_),
                           fmt::format("Give a number in [1, {}].", kParallelMax));
  }
  if (prompt_tokens_ == 0 && generated_tokens_ == 0) {
    return invalid_request("there is nothing to measure: both numbers of tokens are 0",
                           "Give one of them, for example -n 64.");
  }
  return {};
}

GenerationRequest BenchCommand::make_request(const LoadedModel& model, std::uint32_t prompt,
                                             std::uint32_t generated, const std::stop_token& stop) {
  const std::uint32_t vocabulary = std::max(2U, model.description().vocabulary_size);
  std::vector<TokenId> ids(prompt);
  for (TokenId& id : ids) id = static_cast<TokenId>(random_() % vocabulary);
  // Nothing of the last run is to be reused: a prompt never begins as the one before.
  if (ids.front() == last_first_)
    ids.front() = static_cast<TokenId>((ids.front() + 1) % static_cast<TokenId>(vocabulary));
  last_first_ = ids.front();
  GenerationRequest request;
  request.prompt = std::move(ids);
  request.max_tokens = generated + 1;
  request.sampling.temperature = 0.0F;
  request.ignore_eos = true;
  request.ignore_recommendations = true;
  request.cancel = stop;
  return request;
}

Result<Timings> BenchCommand::run_once(LoadedModel& model, std::uint32_t prompt, std::uint32_t generated,
                                       const std::stop_token& stop) {
  MINERVA_ASSIGN(const Generation generation, model.generate(make_request(model, prompt, generated, stop)));
  if (generation.finish_reason == FinishReason::Cancelled) return cancelled();
  return generation.timings;
}

Result<double> BenchCommand::run_together(LoadedModel& model, const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::future<Result<Generation>>> answers;
  for (std::uint32_t i = 0; i < parallel_; ++i) {
    answers.push_back(std::async(
        std::launch::async, [&model, request = make_request(model, kShortPrompt, generated_tokens_, stop)] {
          return model.generate(request);
        }));
  }
  std::size_t tokens = 0;
  for (auto& answer : answers) {
    MINERVA_ASSIGN(const Generation generation, answer.get());
    if (generation.finish_reason == FinishReason::Cancelled) return cancelled();
    tokens += generation.tokens.size();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(tokens) / elapsed.count();
}

Result<Measurement> BenchCommand::measure_together(LoadedModel& model, Console& console,
                                                   const std::stop_token& stop) {
  Measurement m{.name = fmt::format("tg{}x{}", generated_tokens_, parallel_),
                .tokens = generated_tokens_ * parallel_,
                .speeds = {}};
  ProgressBar bar(m.name, console);
  for (std::uint32_t run = 0; run <= repetitions_; ++run) {
    MINERVA_ASSIGN(const double speed, run_together(model, stop));
    bar.update(static_cast<float>(run + 1) / static_cast<float>(repetitions_ + 1));
    if (run > 0) m.speeds.push_back(speed);  // the first makes the context
  }
  return m;
}

Result<Measurement> BenchCommand::measure(LoadedModel& model, bool reading, Console& console,
                                          const std::stop_token& stop) {
  Measurement m{
      .name = fmt::format("{}{}", reading ? "pp" : "tg", reading ? prompt_tokens_ : generated_tokens_),
      .tokens = reading ? prompt_tokens_ : generated_tokens_,
      .speeds = {}};
  ProgressBar bar(m.name, console);
  for (std::uint32_t run = 0; run <= repetitions_; ++run) {
    MINERVA_ASSIGN(const Timings timings,
                   run_once(model, reading ? prompt_tokens_ : 1, reading ? 0 : generated_tokens_, stop));
    bar.update(static_cast<float>(run + 1) / static_cast<float>(repetitions_ + 1));
    if (run == 0) continue;  // it brings the pages of the file and the caches in
    m.speeds.push_back(reading ? timings.prefill_tps : timings.decode_tps);
  }
  return m;
}

int BenchCommand::threads() const {
  return engine_.options.threads > 0 ? engine_.options.threads : computing_threads(cpu_info());
}

void BenchCommand::print(const LoadedModel& model, const std::vector<Measurement>& all,
                         Console& console) const {
  const ModelDescription& d = model.description();
  console.out(fmt::format("model     {} ({} {}, {} parameters, {})\n", printable(d.path.filename().string()),
                          printable(d.architecture), printable(d.quantisation),
                          human_count(d.parameter_count), human_bytes(d.file_bytes)));
  console.out(fmt::format("backend   {}, on the CPU: {} threads, batch {}\n\n", model.backend(), threads(),
                          engine_.options.batch_tokens));
  console.out(console.styled_out(Style::Bold, fmt::format("{:<9}{:>14}{:>24}{:>7}", "test", "tokens/s",
                                                          "lowest - highest", "runs")) +
              "\n");
  for (const Measurement& m : all) {
    const Statistics s = statistics(m.speeds);
    console.out(fmt::format("{:<9}{:>14.2f}{:>24}{:>7}\n", m.name, s.median,
                            fmt::format("{:.2f} - {:.2f}", s.min, s.max), m.speeds.size()));
  }
  if (const auto hint = native_hint(d, model.backend())) console.note("note: " + *hint);
}

Json BenchCommand::as_json(const LoadedModel& model, const std::vector<Measurement>& all) const {
  const ModelDescription& d = model.description();
  Json tests = Json::array();
  for (const Measurement& m : all) {
    const Statistics s = statistics(m.speeds);
    tests.push_back({{"test", m.name},
                     {"tokens", m.tokens},
                     {"median_tps", s.median},
                     {"min_tps", s.min},
                     {"max_tps", s.max},
                     {"runs_tps", m.speeds}});
  }
  return {{"model", d.path.string()},
          {"architecture", d.architecture},
          {"quantisation", d.quantisation},
          {"parameter_count", d.parameter_count},
          {"model_bytes", d.file_bytes},
          {"backend", model.backend()},
          {"backend_reason", model.backend_reason()},
          {"numeric_mode", model.numeric_mode()},
          {"threads", threads()},
          {"batch_tokens", engine_.options.batch_tokens},
          {"device", "cpu"},
          {"cpu", cpu_info().model},
          {"minerva_version", version()},
          {"tests", std::move(tests)}};
}

Result<int> BenchCommand::execute(Console& console) {
  MINERVA_TRY(check());
  MINERVA_ASSIGN(const auto path, locate_model(model_, text().name));
  engine_.options.parallel = parallel_;
  if (engine_.options.context_tokens == 0) engine_.options.context_tokens = context_tokens();
  const InterruptScope interrupt;
  MINERVA_ASSIGN(auto open, open_model(path, engine_, {}, console, interrupt.token()));
  std::vector<Measurement> all;
  for (const bool reading : {true, false}) {
    if ((reading ? prompt_tokens_ : generated_tokens_) == 0) continue;
    MINERVA_ASSIGN(auto measured, measure(*open.model, reading, console, interrupt.token()));
    all.push_back(std::move(measured));
  }
  if (parallel_ > 1 && generated_tokens_ > 0) {
    MINERVA_ASSIGN(auto measured, measure_together(*open.model, console, interrupt.token()));
    all.push_back(std::move(measured));
  }
  if (console.json()) {
    console.out_json(as_json(*open.model, all));
  } else {
    print(*open.model, all, console);
  }
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_bench_command() {
  return std::make_unique<BenchCommand>();
}

}  // namespace minerva::cli
