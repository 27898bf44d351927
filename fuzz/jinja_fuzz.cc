// Any bytes as a template: parsed and rendered within limits. Nothing may crash, hang or leak.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "text/jinja/json.h"
#include "text/jinja/template.h"
#include "text/utf8.h"

namespace {

using minerva::jinja::Failure;
using minerva::jinja::FailureKind;
using minerva::jinja::Value;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_failure(const Failure& failure) {
  check(failure.kind != FailureKind::Memory && failure.kind != FailureKind::Stack);
  check(minerva::is_valid_utf8(failure.message) && !failure.type.empty());
}

const Value& variables() {
  static const Value kVariables = *minerva::jinja::from_json(nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Gr\u00fc\u00dfe\u3000"},
                 {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f",
                  "arguments": {"a": [1, 2.5, true, null]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "add_generation_prompt": true, "bos_token": "<s>", "n": 3, "s": "a b-c", "l": [3, 1, 2], "d": {"b": 1, "A": 2}})"));
  return kVariables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Less than what is allowed normally: the same ways to the limits, in less time.
  minerva::jinja::Limits limits;
  limits.steps_max = 20'000;
  limits.output_bytes_max = 256 * 1024;
  limits.memory_bytes_max = 8 * 1024 * 1024;
  limits.time_max = std::chrono::milliseconds(500);
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = minerva::jinja::Template::parse(source, limits);
  if (!parsed) {
    check_failure(parsed.error());
    return 0;
  }
  const auto text = (*parsed)->render(variables(), {}, limits);
  if (text) {
    check(text->size() <= limits.output_bytes_max && minerva::is_valid_utf8(*text));
  } else {
    check_failure(text.error());
  }
  return 0;
}
