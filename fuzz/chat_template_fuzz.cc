// Any bytes as a chat template: parsed, analysed and rendered for two conversations. Nothing may crash, hang
// or leak, whatever the template does. tools/fuzz links llama.cpp as it is built for everybody; to have its
// Jinja interpreter instrumented too, compile its common/jinja/*.cpp, unicode.cpp and json.cpp into this
// target.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "text/chat_template/chat_template.h"

namespace {

using minerva::ChatMessage;
using minerva::ChatTemplate;
using minerva::Error;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_error(const Error& error, minerva::ErrorCode expected) {
  check(error.code == expected);
  check(!error.message.empty() && !error.remedy.empty());
  check(error.message.size() < 1000 && error.message.find('\n') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::vector<ChatMessage>> kConversations = {
      {{"user", "Hello"}},
      {{"system", "Be brief."},
       {"user", "1 + 1?"},
       {"assistant", "<think>\nhm\n</think>\n\n2"},
       {"user", "Gr\u00fc\u00dfe, 'you' & \"me\"\n"}},
  };
  // Less than what is allowed normally: the same ways to the limits, in less time.
  minerva::TemplateLimits limits;
  limits.steps_max = 20'000;
  limits.output_bytes_max = 256 * 1024;
  limits.memory_bytes_max = 8 * 1024 * 1024;
  limits.time_max = std::chrono::milliseconds(500);
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = ChatTemplate::parse(source, "<s>", "</s>", limits);
  if (!parsed) {
    check_error(parsed.error(), minerva::ErrorCode::ModelLoading);
    return 0;
  }
  check((*parsed)->source() == source);
  for (const auto& conversation : kConversations) {
    const auto prompt = (*parsed)->render(conversation, true);
    if (prompt) {
      check(prompt->size() <= limits.output_bytes_max);
    } else {
      check_error(prompt.error(), minerva::ErrorCode::InvalidRequest);
    }
  }
  return 0;
}
