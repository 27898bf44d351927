#include "text/chat_template/chat_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "text/chat_template/messages.h"
#include "text/chat_template/template_error.h"
#include "text/jinja/json_value.h"

namespace minerva {
namespace {

using jinja::Pair;
using jinja::Value;

constexpr std::array<std::string_view, 4> kOwnVariables = {"messages", "tools", "documents",
                                                           "add_generation_prompt"};

std::unexpected<Error> expected(std::string_view what, std::string_view form) {
  return invalid_request(fmt::format("{} should be {}", what, form), fmt::format("Give {}.", form));
}

Result<Value> list_of_objects(std::string_view text, std::string_view what) {
  MINERVA_ASSIGN(Value list, jinja::json_value(text, what));
  const bool good = list.is(jinja::Kind::List) &&
                    std::ranges::all_of(list.items(), [](const Value& item) { return item.is_dict(); });
  if (!good) return expected(what, "a JSON list of objects");
  return list;
}

Result<void> read_options(const ChatOptions& options, ChatInput& input) {
  if (!options.tools.empty()) {
    MINERVA_ASSIGN(input.tools, list_of_objects(options.tools, "the list of tools"));
  }
  if (!options.documents.empty()) {
    MINERVA_ASSIGN(input.documents, list_of_objects(options.documents, "the list of documents"));
  }
  if (!options.variables.empty()) {
    MINERVA_ASSIGN(const Value variables,
                   jinja::json_value(options.variables, "the object of template variables"));
    if (!variables.is_dict()) return expected("what gives template variables", "a JSON object");
    input.variables = variables.entries();
  }
  for (const Pair& variable : input.variables) {
    const std::string& name = variable.first.text();
    if (std::ranges::find(kOwnVariables, name) == kOwnVariables.end()) continue;
    return invalid_request(fmt::format("'{}' is no template variable to be set", name),
                           "It has an option of its own: use that one.");
  }
  input.add_generation_prompt = options.add_generation_prompt;
  input.continue_final_message = options.continue_final_message;
  return {};
}

std::unexpected<Error> no_messages() {
  return invalid_request("there are no messages", "Give one at least.");
}

Result<void> check_messages(const Value& messages) {
  if (messages.items().empty()) return no_messages();
  std::size_t number = 0;
  for (const Value& message : messages.items()) {
    ++number;
    const Value* role = message.find("role");
    if (role == nullptr || !role->is_string())
      return expected(fmt::format("message {}", number), "an object with a \"role\" that is a text");
  }
  return {};
}

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

/// Whether `source` has `name` as a word.
bool mentions(std::string_view source, std::string_view name) {
  for (std::size_t at = source.find(name); at != std::string_view::npos; at = source.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_word(source[at - 1])) && (end == source.size() || !is_word(source[end]))) return true;
  }
  return false;
}

std::unexpected<Error> not_taken(std::string_view what) {
  return invalid_request(fmt::format("the model's chat template has no place for {}: the model would not see "
                                     "them",
                                     what),
                         "Leave them out, write them into a message, or use a model that was made for them.");
}

/// `input` with messages that call no tools.
ChatInput without_calls(ChatInput input) {
  std::vector<Value> messages;
  for (const Value& message : input.messages.items()) {
    std::vector<Pair> fields;
    for (const Pair& field : message.entries())
      if (field.first.text() != "tool_calls") fields.push_back(field);
    messages.push_back(Value::dict(std::move(fields)));
  }
  input.messages = Value::list(std::move(messages));
  return input;
}

bool has_items(const Value& list) {
  return list.is_sequence() && !list.items().empty();
}

bool calls_tools(const Value& messages) {
  return std::ranges::any_of(messages.items(), [](const Value& message) {
    const Value* calls = message.find("tool_calls");
    return calls != nullptr && has_items(*calls);
  });
}

/// Whether `part`, which lacks something of what `prompt` was rendered from, makes the same prompt.
bool is_same(const ChatTemplate& chat_template, const ChatInput& part, const std::string& prompt) {
  const auto other = chat_template.render(part);
  return other && *other == prompt;
}

}  // namespace

Result<ChatInput> chat_input(const std::vector<ChatMessage>& messages, const ChatOptions& options) {
  if (messages.empty()) return no_messages();
  ChatInput input;
  MINERVA_ASSIGN(input.messages, messages_value(messages));
  MINERVA_TRY(read_options(options, input));
  return input;
}

Result<ChatInput> chat_input(std::string_view messages_json, const ChatOptions& options) {
  ChatInput input;
  MINERVA_ASSIGN(input.messages, list_of_objects(messages_json, "the list of messages"));
  MINERVA_TRY(check_messages(input.messages));
  MINERVA_TRY(read_options(options, input));
  return input;
}

Result<std::string> render_all(const ChatTemplate& chat_template, const ChatInput& input) {
  for (const Pair& variable : input.variables) {
    const std::string& name = variable.first.text();
    if (mentions(chat_template.source(), name)) continue;
    return invalid_request(
        fmt::format("the model's chat template has no variable '{}'", in_one_line(name)),
        "Leave it out, or see `minerva show --template` for those that the template reads.");
  }
  MINERVA_ASSIGN(auto prompt, chat_template.render(input));
  if (has_items(input.tools)) {
    ChatInput part = input;
    part.tools = Value();
    if (is_same(chat_template, part, prompt)) return not_taken("tools");
  }
  if (has_items(input.documents)) {
    ChatInput part = input;
    part.documents = Value();
    if (is_same(chat_template, part, prompt)) return not_taken("documents");
  }
  if (calls_tools(input.messages) && is_same(chat_template, without_calls(input), prompt))
    return not_taken("tool calls");
  return prompt;
}

}  // namespace minerva
