// An answer that is JSON of a given shape, whatever the model: json_schema MODEL TEXT
#include <minerva/engine.h>

#include <cstdio>
#include <string>

#include "example.h"

namespace {

constexpr const char* kSchema = R"({
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 20},
    "age": {"type": "integer", "minimum": 0, "maximum": 150},
    "retired": {"type": "boolean"}
  },
  "required": ["name", "age", "retired"],
  "additionalProperties": false
})";

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODEL TEXT\n", argv[0]), 2;

  minerva::Engine engine;
  auto model = engine.open(argv[1]);
  if (!model) return failed(model.error());

  const std::string task = "Extract name, age and whether the person is retired, as JSON: ";
  auto request = (*model)->render_chat({{.role = "user", .content = task + argv[2]}});
  if (!request) return failed(request.error());

  // A part of a schema that Minerva cannot honour is an error, never ignored.
  request->constraint = {.kind = minerva::OutputConstraint::Kind::JsonSchema, .text = kSchema};
  request->max_tokens = 128;
  const auto answer = (*model)->generate(*request);
  if (!answer) return failed(answer.error());
  if (answer->finish_reason == minerva::FinishReason::Length)  // it was cut off: no whole object
    return std::fprintf(stderr, "128 tokens were not enough\n"), 1;
  std::puts(answer->text.c_str());
}
