// A conversation, a message a line, until the end of the input: chat_loop MODEL
#include <minerva/engine.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "example.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s MODEL < messages\n", argv[0]), 2;

  minerva::Engine engine;
  auto model = engine.open(argv[1]);
  if (!model) return failed(model.error());

  std::vector<minerva::ChatMessage> conversation = {
      {.role = "system", .content = "You answer in one short sentence."}};
  for (std::string line; std::getline(std::cin, line);) {
    conversation.push_back({.role = "user", .content = line});

    // The whole conversation is the prompt each time; what was computed for earlier turns is not computed
    // again.
    auto request = (*model)->render_chat(conversation);
    if (!request) return failed(request.error());
    request->max_tokens = 64;

    const auto answer = (*model)->generate(*request, [](std::string_view text) {
      std::cout << text << std::flush;
      return std::cout.good();
    });
    if (!answer) return failed(answer.error());
    std::cout << '\n';
    std::fprintf(stderr, "[%u prompt tokens computed, %u taken from the cache]\n",
                 answer->timings.prefill_tokens, answer->timings.cached_tokens);
    conversation.push_back({.role = "assistant", .content = answer->text});
  }
}
