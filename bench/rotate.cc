// Models in turn through one engine that has no room for all of them: what each costs to open anew, and what
// the process holds then.
//
//   minerva_rotate LIMIT_MB MODEL[@BACKEND]...
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/memory.h"
#include "minerva/engine.h"

namespace {

using namespace minerva;

double gigabytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1e9;
}

Result<void> visit(Engine& engine, std::string_view model_at_backend) {
  const std::size_t at = model_at_backend.rfind('@');
  ModelOptions options{.context_tokens = 512};
  if (at != std::string_view::npos) options.backends = {std::string(model_at_backend.substr(at + 1))};
  const auto start = std::chrono::steady_clock::now();
  MINERVA_ASSIGN(const auto model, engine.open(std::string(model_at_backend.substr(0, at)), options));
  const std::chrono::duration<double, std::milli> opened = std::chrono::steady_clock::now() - start;
  GenerationRequest request{.prompt = "Once upon a time there was"};
  request.sampling.temperature = 0.0F;
  request.max_tokens = 4;
  request.ignore_eos = true;
  MINERVA_ASSIGN(const Generation answer, model->generate(request));
  std::string ids;
  for (const auto& token : answer.tokens) ids += fmt::format(" {}", token.id);
  std::string held;
  for (const auto& info : engine.resident())
    held += fmt::format(" {} ({}, {:.2f} GB)", info.path.filename().string(), info.backend,
                        gigabytes(info.weights_bytes));
  fmt::print(
      "{}: open {:.0f} ms, first token {:.0f} ms, ids{}; in memory:{}; resident {:.2f} GB, peak {:.2f} GB\n",
      model_at_backend, opened.count(), answer.timings.ttft_ms, ids, held, gigabytes(resident_bytes()),
      gigabytes(peak_resident_bytes()));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t megabytes = 0;
  const std::string_view limit = argc > 2 ? argv[1] : "";
  if (std::from_chars(limit.data(), limit.data() + limit.size(), megabytes).ec != std::errc{}) {
    fmt::print(stderr, "usage: minerva_rotate LIMIT_MB MODEL[@BACKEND]...\n");
    return 2;
  }
  Engine engine(EngineOptions{.memory_limit_bytes = megabytes * 1'000'000});
  constexpr int kRounds = 2;
  for (int i = 0; i < kRounds * (argc - 2); ++i) {
    if (const auto visited = visit(engine, argv[2 + i % (argc - 2)]); !visited) {
      fmt::print(stderr, "{}\n{}\n", visited.error().message, visited.error().remedy);
      return 1;
    }
  }
  return 0;
}
