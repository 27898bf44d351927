/// @file
/// What a conversation is given to a model with.
#pragma once

#include <string>

namespace minerva {

/// What a chat template is given beside the messages, as in transformers' apply_chat_template. JSON texts may
/// have up to 16 MiB and 64 levels; an empty one gives nothing. What the model's template has no place for is
/// an InvalidRequest error, never left out silently.
struct ChatOptions {
  /// The tools that the model may call: a JSON list of objects, as in OpenAI's requests. Where the model has
  /// a template named "tool_use", it is used.
  std::string tools = {};
  std::string documents = {};  ///< a JSON list of objects, usually with "title" and "text"
  /// Further variables of the template, a JSON object: {"enable_thinking": false}.
  std::string variables = {};
  /// End where the assistant's answer starts. Of no meaning with `continue_final_message`.
  bool add_generation_prompt = true;
  /// The field of the last message that the answer goes on with: "content", "reasoning_content"; empty: none,
  /// the answer is a message of its own.
  std::string continue_final_message = {};

  /// Whether they agree in every field.
  friend bool operator==(const ChatOptions&, const ChatOptions&) = default;
};

}  // namespace minerva
