// Chat messages to prompt text through the model's own Jinja template, within hard bounds: templates come
// from untrusted files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"

namespace minerva {

/// What a template may use up while it is parsed, analysed and rendered. Exceeding one is an error that
/// names the limit.
struct TemplateLimits {
  std::size_t source_bytes_max = 512 * 1024;
  std::size_t nesting_max = 100;      ///< brackets and blocks in the source; calls while rendering
  std::size_t steps_max = 1'000'000;  ///< statements and expressions evaluated
  std::size_t output_bytes_max = 16 * 1024 * 1024;
  std::chrono::milliseconds time_max{200};
};

/// A parsed template. Immutable and thread-safe.
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;
  /// The prompt for `messages`; with `add_generation_prompt`, ends where the assistant's answer starts.
  /// Errors: InvalidRequest when the template itself rejects the messages (raise_exception) or exceeds a
  /// limit.
  virtual Result<std::string> render(const std::vector<ChatMessage>& messages,
                                     bool add_generation_prompt) const = 0;
  virtual std::string_view source() const = 0;

  /// Parses `source`. `bos` and `eos` are the texts of those tokens. Errors: ModelLoading, naming the line
  /// where the template is wrong or the limit it exceeds.
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source, std::string_view bos,
                                                           std::string_view eos,
                                                           const TemplateLimits& limits = {});
};

}  // namespace minerva
