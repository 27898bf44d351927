// Chat messages to prompt text through the model's own Jinja template, as transformers' apply_chat_template
// writes it, within hard bounds: templates come from untrusted files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"
#include "text/jinja/template.h"

namespace minerva {

/// What a template may use up when it is parsed, and each time it is rendered. Exceeding one is an error that
/// names the limit.
struct TemplateLimits : jinja::Limits {
  // Added per message to render: a long conversation may take long.
  std::size_t steps_per_message = 5000;
  std::chrono::milliseconds time_per_message{1};
};

/// The texts of special tokens, by the names that templates know them by ("bos_token").
using TemplateTokens = std::vector<std::pair<std::string, std::string>>;

/// A conversation and what a template is given beside it.
struct ChatInput {
  jinja::Value messages = jinja::Value::list({});  ///< of dicts
  jinja::Value tools;                              ///< a list, or None
  jinja::Value documents;                          ///< a list, or None
  std::vector<jinja::Pair> variables = {};         ///< further ones, by name
  /// End where the assistant's answer starts.
  bool add_generation_prompt = true;
  /// The field of the last message whose text the answer goes on with ("content"); empty: none.
  std::string continue_final_message = {};
  /// What strftime_now() shows, as local time; the time of the call when not set.
  std::optional<std::chrono::system_clock::time_point> now = std::nullopt;
};

/// What a template does with what it is given, found by trial renderings. For advice, not for refusals.
struct TemplateTraits {
  bool system_role = false;    ///< a system message reaches the prompt; false: rejected or left out
  bool typed_content = false;  ///< wants content as a list of typed parts; render() takes care of it
  bool tools = false;          ///< shows tool definitions
  bool tool_calls = false;     ///< shows earlier tool calls
};

/// A parsed template. Immutable and thread-safe.
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  /// The prompt, as transformers' apply_chat_template(tokenize=False) writes it. It contains whatever special
  /// tokens the template writes, BOS included: tokenize it with special tokens recognised, and never add a
  /// second BOS.
  /// Uses at most 2 MB of the caller's stack (what is left of it, if that is less).
  /// Errors: InvalidRequest when the template itself rejects the messages (raise_exception, with the
  /// template's own words), cannot work with them or exceeds a limit; OutOfMemory.
  virtual Result<std::string> render(const ChatInput& input) const = 0;
  Result<std::string> render(const std::vector<ChatMessage>& messages, bool add_generation_prompt) const;

  /// The source as it was given.
  virtual std::string_view source() const = 0;
  virtual const TemplateTraits& traits() const = 0;

  /// Parses `source`. A token that is not among `tokens` is undefined for the template. Errors: ModelLoading,
  /// naming the line where the template is wrong or the limit it exceeds.
  static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source,
                                                           const TemplateTokens& tokens,
                                                           const TemplateLimits& limits = {});
};

}  // namespace minerva
