// Messages as a template sees them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/types.h"
#include "text/jinja/value.h"

namespace minerva {

/// Errors: InvalidRequest (not UTF-8).
Result<jinja::Value> messages_value(const std::vector<ChatMessage>& messages);

/// What transformers does to messages first: fields that are None are left out, and reasoning stands under
/// each of its names. `messages` is a list of dicts.
jinja::Value normalised(const jinja::Value& messages);

/// With each content that is a text as a list of one typed part. `messages` is a list of dicts.
jinja::Value with_typed_content(const jinja::Value& messages);

/// The last of `messages`, whose text the answer goes on with. As transformers does it, a mark is put behind
/// that text, and the prompt is cut where the mark comes out.
class FinalMessage {
 public:
  /// `source` is the template. Errors: InvalidRequest when the message has no such text, or the template
  /// does not read the field.
  static Result<FinalMessage> mark(const jinja::Value& messages, std::string_view field,
                                   std::string_view source);

  /// The messages with the mark.
  const jinja::Value& messages() const noexcept { return messages_; }
  /// `prompt` up to the end of the text. Errors: InvalidRequest when the template left it out.
  Result<std::string> cut(std::string prompt) const;

 private:
  jinja::Value messages_;
  std::string text_;
};

}  // namespace minerva
