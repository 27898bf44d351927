// Answers many prompts at once, one thread each; the engine computes them together: many_prompts MODEL
// PROMPT...
#include <minerva/engine.h>

#include <cstdio>
#include <future>
#include <string>
#include <vector>

#include "example.h"

namespace {

minerva::Result<minerva::Generation> answer(minerva::LoadedModel& model, const std::string& prompt) {
  auto request = model.render_chat({{.role = "user", .content = prompt}});
  if (!request) return std::unexpected(request.error());
  request->max_tokens = 24;
  request->sampling.temperature = 0.0F;  // always the likeliest token
  return model.generate(*request);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: %s MODEL PROMPT...\n", argv[0]), 2;
  const std::vector<std::string> prompts(argv + 2, argv + argc);

  minerva::Engine engine;
  auto model = engine.open(argv[1], {.parallel = 8});  // so many requests are computed at the same time
  if (!model) return failed(model.error());

  std::vector<std::future<minerva::Result<minerva::Generation>>> answers;
  for (const std::string& prompt : prompts)
    answers.push_back(std::async(std::launch::async, [&] { return answer(**model, prompt); }));

  int status = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto generation = answers[i].get();
    if (!generation) {  // one that fails does not keep the others from being answered
      status = failed(generation.error());
      continue;
    }
    std::printf("%s\n  -> %s\n", prompts[i].c_str(), generation->text.c_str());
  }
  return status;
}
