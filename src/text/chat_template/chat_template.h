// Chat messages to prompt text through the model's own Jinja template, within hard bounds: templates come
// from untrusted files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"

namespace minerva {

/// What a template may use up each time it is parsed (and analysed: some eight trial renderings) or rendered.
/// Exceeding one is an error that names the limit.
struct TemplateLimits {
  std::size_t source_bytes_max = std::size_t{512} * 1024;
  std::size_t nesting_max = 100;  ///< brackets and blocks open at once in the source; macros calling macros
  std::size_t steps_max = 1'000'000;  ///< statements, expressions, iterations, elements of lists
  std::size_t output_bytes_max = std::size_t{16} * 1024 * 1024;
  std::chrono::milliseconds time_max{
      150};  ///< processor time of the thread, so that a busy machine changes nothing
  std::size_t tokens_max = 100'000;
  std::size_t chain_max =
      1000;  ///< operations one inside or behind the other in one expression; elif branches
  std::size_t memory_bytes_max =
      std::size_t{128} * 1024 * 1024;  ///< values and texts alive, the messages included
  // Added per message to render: a long conversation may take long.
  std::size_t steps_per_message = 5000;
  std::chrono::milliseconds time_per_message{1};
};

/// How to render a conversation.
struct RenderOptions {
  /// End where the assistant's answer starts.
  bool add_generation_prompt = true;
  /// What strftime_now() shows, as local time; the time of the call when not set.
  std::optional<std::chrono::system_clock::time_point> now = std::nullopt;
};

/// What a template does with what it is given, found by trial renderings. For advice, not for refusals.
struct TemplateTraits {
  bool system_role = true;     ///< a system message reaches the prompt; false: rejected or left out
  bool typed_content = false;  ///< wants content as a list of typed parts; render() takes care of it
  bool tools = false;          ///< shows tool definitions
  bool tool_calls = false;     ///< shows earlier tool calls
};

/// A parsed template. Immutable and thread-safe.
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  /// The prompt for `messages`, as transformers' apply_chat_template(tokenize=False) writes it. It contains
  /// whatever special tokens the template writes, BOS included: tokenize it with special tokens recognised,
  /// and never add a second BOS.
  /// Uses at most 2 MB of the caller's stack (what is left of it, if that is less).
  /// Errors: InvalidRequest when the template itself rejects the messages (raise_exception, with the
  /// template's own words) or exceeds a limit.
  virtual Result<std::string> render(const std::vector<ChatMessage>& messages,
                                     const RenderOptions& options) const = 0;
  Result<std::string> render(const std::vector<ChatMessage>& messages, bool add_generation_prompt) const {
    return render(messages, RenderOptions{.add_generation_prompt = add_generation_prompt});
  }

  /// The source as it was given.
  virtual std::string_view source() const = 0;
  virtual const TemplateTraits& traits() const = 0;

  /// Parses `source`. `bos` and `eos` are the texts of those tokens, empty where the model has none. Errors:
  /// ModelLoading, naming the line where the template is wrong or the limit it exceeds.
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source, std::string_view bos,
                                                           std::string_view eos,
                                                           const TemplateLimits& limits = {});
};

}  // namespace minerva
