// Opens a model and streams an answer: minerva_example_complete MODEL PROMPT
#include <minerva/engine.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODEL PROMPT\n", argv[0]), 2;
  minerva::Engine engine;
  auto model = engine.open(argv[1]);
  if (!model) {
    std::fprintf(stderr, "%s\n%s\n", model.error().message.c_str(), model.error().remedy.c_str());
    return minerva::exit_status(model.error().code);
  }
  auto request = (*model)->render_chat({{.role = "user", .content = argv[2]}});
  if (!request) return std::fprintf(stderr, "%s\n", request.error().message.c_str()), 1;
  request->max_tokens = 128;
  const auto answer = (*model)->generate(*request, [](std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  });
  if (!answer) return std::fprintf(stderr, "%s\n", answer.error().message.c_str()), 1;
  std::puts("");
}
