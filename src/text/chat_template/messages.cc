#include "text/chat_template/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "text/chat_template/template_error.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace minerva {
namespace {

using jinja::Pair;
using jinja::Value;

// Names a message's reasoning is known by.
constexpr std::array<std::string_view, 3> kReasoningFields = {"reasoning_content", "thinking", "reasoning"};
constexpr std::string_view kMark = "CONTINUE_FINAL_MESSAGE_TAG ";
constexpr std::string_view kMarkText = kMark.substr(0, kMark.size() - 1);

/// `entries` with `key` as `value`.
std::vector<Pair> with(std::vector<Pair> entries, std::string_view key, const Value& value) {
  const auto is_key = [&](const Pair& entry) { return entry.first.is_string() && entry.first.text() == key; };
  const auto found = std::ranges::find_if(entries, is_key);
  if (found == entries.end())
    entries.emplace_back(Value(key), value);
  else
    found->second = value;
  return entries;
}

Value normalised_message(const Value& message) {
  std::vector<Pair> fields;
  for (const Pair& field : message.entries())
    if (!field.second.is_none()) fields.push_back(field);
  for (const std::string_view name : kReasoningFields) {
    const Value* reasoning = message.find(name);
    if (reasoning == nullptr || reasoning->is_none()) continue;
    if (message.find("thinking") == nullptr || message.find("thinking")->is_none())
      fields.emplace(fields.begin(), Value("thinking"), *reasoning);
    fields = with(std::move(fields), "reasoning_content", *reasoning);
    break;
  }
  return Value::dict(std::move(fields));
}

Value typed_message(const Value& message) {
  const Value* content = message.find("content");
  if (content == nullptr || !content->is_string()) return message;
  Value part = Value::dict({{Value("type"), Value("text")}, {Value("text"), *content}});
  std::vector<Value> parts;
  parts.push_back(std::move(part));
  return Value::dict(with(message.entries(), "content", Value::list(std::move(parts))));
}

template <class Change>
Value each(const Value& messages, Change change) {
  std::vector<Value> changed;
  changed.reserve(messages.items().size());
  for (const Value& message : messages.items()) changed.push_back(change(message));
  return Value::list(std::move(changed));
}

std::unexpected<Error> cannot_continue(std::string what) {
  return invalid_request(
      "The final message cannot be continued: " + std::move(what),
      "Give a last message with a text to go on with, which the template shows as it is; or "
      "let the assistant start a message of its own.");
}

Value marked(const std::string& text) {
  return {text + std::string(kMark)};
}

/// The last part of `parts` that has a text, marked, and that text; false where there is none.
bool mark_part(std::vector<Value>& parts, std::string& text) {
  for (Value& part : std::views::reverse(parts)) {
    if (!part.is_dict()) continue;
    const Value* found = part.find("text");
    if (found == nullptr || !found->is_string()) continue;
    text = found->text();
    part = Value::dict(with(part.entries(), "text", marked(text)));
    return true;
  }
  return false;
}

bool is_reasoning(std::string_view field) {
  return std::ranges::find(kReasoningFields, field) != kReasoningFields.end();
}

/// The fields of `message` that hold the text: reasoning stands under several names.
std::vector<std::string> fields_with(const Value& message, std::string_view field, const Value& text) {
  if (!is_reasoning(field)) return {std::string(field)};
  std::vector<std::string> fields;
  for (const std::string_view name : kReasoningFields) {
    const Value* other = message.find(name);
    if (other != nullptr && other->is_string() && text.is_string() && other->text() == text.text())
      fields.emplace_back(name);
  }
  return fields;
}

}  // namespace

Result<Value> messages_value(const std::vector<ChatMessage>& messages) {
  std::vector<Value> list;
  list.reserve(messages.size());
  for (const ChatMessage& message : messages) {
    if (!is_valid_utf8(message.role) || !is_valid_utf8(message.content)) {
      return invalid_request(fmt::format("message {} is not valid UTF-8", list.size() + 1),
                             "Give text in UTF-8.");
    }
    list.push_back(
        Value::dict({{Value("role"), Value(message.role)}, {Value("content"), Value(message.content)}}));
  }
  return Value::list(std::move(list));
}

Value normalised(const Value& messages) {
  return each(messages, normalised_message);
}

Value with_typed_content(const Value& messages) {
  return each(messages, typed_message);
}

Result<FinalMessage> FinalMessage::mark(const Value& messages, std::string_view field,
                                        std::string_view source) {
  if (messages.items().empty()) return cannot_continue("there is none.");
  std::vector<Value> list = messages.items();
  Value& last = list.back();
  const Value* found = last.find(field);
  if (found == nullptr || found->is_none())
    return cannot_continue(fmt::format("it has no '{}'.", in_one_line(field)));
  const Value text = *found;
  const auto fields = fields_with(last, field, text);
  if (std::ranges::none_of(fields, [&](const std::string& name) { return source.contains(name); }))
    return cannot_continue(fmt::format("the chat template does not read '{}'.", in_one_line(field)));
  FinalMessage marked_messages;
  std::vector<Pair> entries = last.entries();
  if (text.is_sequence()) {
    std::vector<Value> parts = text.items();
    if (!mark_part(parts, marked_messages.text_))
      return cannot_continue("there is no text among the parts of its content.");
    entries = with(std::move(entries), field, Value::list(std::move(parts)));
  } else if (text.is_string()) {
    marked_messages.text_ = text.text();
    for (const std::string& name : fields) entries = with(std::move(entries), name, marked(text.text()));
  } else {
    return cannot_continue(fmt::format("its '{}' is no text.", in_one_line(field)));
  }
  last = Value::dict(std::move(entries));
  marked_messages.messages_ = Value::list(std::move(list));
  return marked_messages;
}

Result<std::string> FinalMessage::cut(std::string prompt) const {
  const std::size_t at = prompt.rfind(kMarkText);
  if (at == std::string::npos || !prompt.contains(jinja::strip(text_, {}, true, true)))
    return cannot_continue("the chat template changes it or leaves it out.");
  // Where the mark lost its space, the template trims what the message ends with.
  const bool as_it_is = prompt.compare(at, kMark.size(), kMark) == 0;
  prompt.resize(as_it_is ? at : jinja::strip(std::string_view(prompt).substr(0, at), {}, false, true).size());
  return prompt;
}

}  // namespace minerva
