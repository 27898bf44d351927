// Opens a model and streams one answer: complete MODEL PROMPT
#include <minerva/engine.h>

#include <cstdio>

#include "example.h"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODEL PROMPT\n", argv[0]), 2;

  minerva::Engine engine;  // one for the whole program
  auto model = engine.open(argv[1]);
  if (!model) return failed(model.error());

  // The model's chat template turns messages into a prompt.
  auto request = (*model)->render_chat({{.role = "user", .content = argv[2]}});
  if (!request) return failed(request.error());
  request->max_tokens = 128;

  const auto answer = (*model)->generate(*request, [](std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();  // false would cancel
  });
  if (!answer) return failed(answer.error());
  std::puts("");
}
