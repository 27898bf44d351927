// Any bytes as a chat template: parsed, analysed and rendered for conversations of every kind. Nothing may
// crash, hang or leak, whatever the template does.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "text/chat_template/chat_input.h"
#include "text/utf8.h"

namespace {

using minerva::ChatOptions;
using minerva::ChatTemplate;
using minerva::Error;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_error(const Error& error, minerva::ErrorCode expected) {
  check(error.code == expected);
  check(!error.message.empty() && !error.remedy.empty());
  check(minerva::is_valid_utf8(error.message));
  check(error.message.size() < 1000 && error.message.find('\n') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::pair<const char*, ChatOptions>> kConversations = {
      {R"([{"role": "user", "content": "Hello"}])", {}},
      {R"([{"role": "system", "content": "Be brief."},
           {"role": "user", "content": [{"type": "text", "text": "1 + 1?"}]},
           {"role": "assistant", "content": "<think>\nhm\n</think>\n\n2", "reasoning_content": "hm"},
           {"role": "user", "content": "Gr\u00fc\u00dfe, 'you' & \"me\"\n\u3000"}])",
       {.variables = R"({"enable_thinking": false, "list": [1, 2.5, null], "n": 3, "s": "a b-c",
         "d": {"b": 1, "A": 2}})"}},
      {R"([{"role": "user", "content": "Weather?"},
           {"role": "assistant", "tool_calls": [{"id": "call00001", "type": "function",
            "function": {"name": "f", "arguments": {"a": [1, {}]}}}]},
           {"role": "tool", "tool_call_id": "call00001", "name": "f", "content": "rain"},
           {"role": "assistant", "content": "It "}])",
       {.tools = R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])",
        .documents = R"([{"title": "t", "text": "x"}])",
        .continue_final_message = "content"}},
  };
  // Less than what is allowed normally: the same ways to the limits, in less time.
  minerva::TemplateLimits limits;
  limits.steps_max = 20'000;
  limits.output_bytes_max = 256 * 1024;
  limits.memory_bytes_max = 8 * 1024 * 1024;
  limits.time_max = std::chrono::milliseconds(500);
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = ChatTemplate::parse(source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, limits);
  if (!parsed) {
    check_error(parsed.error(), minerva::ErrorCode::ModelLoading);
    return 0;
  }
  check((*parsed)->source() == source);
  for (const auto& [messages, options] : kConversations) {
    const auto input = minerva::chat_input(messages, options);
    check(input.has_value());
    const auto prompt = (*parsed)->render(*input);
    if (prompt) {
      check(prompt->size() <= limits.output_bytes_max && minerva::is_valid_utf8(*prompt));
    } else {
      check_error(prompt.error(), minerva::ErrorCode::InvalidRequest);
    }
  }
  return 0;
}
