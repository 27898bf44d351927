// What a caller gives for a conversation, checked and turned into what a template takes.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "minerva/chat.h"
#include "text/chat_template/chat_template.h"

namespace minerva {

Result<ChatInput> chat_input(const std::vector<ChatMessage>& messages, const ChatOptions& options);
/// `messages_json`: a list of objects. Errors: InvalidRequest that names what is wrong.
Result<ChatInput> chat_input(std::string_view messages_json, const ChatOptions& options);

/// The prompt for `input`. Errors: as ChatTemplate::render; InvalidRequest when the template shows nothing of
/// the tools, documents, tool calls or variables that were given, rather than leave them out silently.
Result<std::string> render_all(const ChatTemplate& chat_template, const ChatInput& input);

}  // namespace minerva
