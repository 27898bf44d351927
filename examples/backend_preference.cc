// Opens a model with backends in an order of your own, and says which one runs it and why:
// backend_preference MODEL BACKEND...       for example: backend_preference model.gguf native llama
#include <minerva/engine.h>

#include <cstdio>
#include <string>

#include "example.h"

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: %s MODEL BACKEND...\n", argv[0]), 2;

  minerva::Engine engine;
  for (const minerva::BackendInfo& backend : engine.backends())
    std::printf("there is %s (%s)\n", backend.name.c_str(), backend.version.c_str());

  // One name alone means that backend and no other; of several, each is tried when those before it can't.
  minerva::ModelOptions options;
  options.backends.assign(argv + 2, argv + argc);
  const auto model = engine.open(argv[1], options);
  if (!model) return failed(model.error());  // names every backend that was tried, with its reason

  const auto backend = (*model)->backend();
  const auto reason = (*model)->backend_reason();
  std::printf("runs on %.*s: %.*s\n", static_cast<int>(backend.size()), backend.data(),
              static_cast<int>(reason.size()), reason.data());
  for (const minerva::Fallback& fallback : (*model)->fallbacks())
    std::printf("not on %s: %s\n", fallback.backend.c_str(), fallback.reason.c_str());
}
