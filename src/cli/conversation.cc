#include "cli/conversation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/terminal.h"
#include "cli/text_source.h"

namespace minerva::cli {
namespace {

using Json = nlohmann::ordered_json;

std::unexpected<Error> no_conversation(const std::filesystem::path& file, std::string_view why) {
  return invalid_request(fmt::format("'{}' holds no conversation: {}", printable(file.string()), why),
                         "Give a file that /save wrote.");
}

Result<ChatMessage> message_from(const Json& json, const std::filesystem::path& file, std::size_t index) {
  const bool is_message = json.is_object() && json.contains("role") && json["role"].is_string() &&
                          json.contains("content") && json["content"].is_string();
  if (!is_message)
    return no_conversation(file, fmt::format("message {} has no role and content as texts", index));
  ChatMessage message{.role = json["role"].get<std::string>(), .content = json["content"].get<std::string>()};
  const bool known =
      message.role == "user" || message.role == "assistant" || (message.role == "system" && index == 0);
  if (!known)
    return no_conversation(file, fmt::format("message {} has the role '{}'", index, printable(message.role)));
  return message;
}

Result<void> write_file(const std::filesystem::path& file, std::string_view content) {
  const auto failed = [&](int error) {
    return invalid_request(fmt::format("cannot write '{}': {}", printable(file.string()),
                                       std::generic_category().message(error)),
                           "Choose another file name.");
  };
  std::string pattern = file.string() + ".XXXXXX";
  const int fd = mkostemp(pattern.data(), O_CLOEXEC);  // readable by the user only
  if (fd < 0) return failed(errno);
  int error = 0;
  while (!content.empty() && error == 0) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      error = errno == EINTR ? 0 : errno;
    } else {
      content.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(pattern.c_str(), file.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(pattern.c_str());
  return failed(error);
}

}  // namespace

std::vector<ChatMessage> Conversation::with_question(std::string question) const {
  std::vector<ChatMessage> all;
  if (system) all.push_back({"system", *system});
  all.insert(all.end(), messages.begin(), messages.end());
  all.push_back({"user", std::move(question)});
  return all;
}

void Conversation::add_exchange(std::string question, std::string answer) {
  messages.push_back({"user", std::move(question)});
  messages.push_back({"assistant", std::move(answer)});
}

std::optional<std::string> Conversation::take_last_question() {
  while (!messages.empty()) {
    ChatMessage last = std::move(messages.back());
    messages.pop_back();
    if (last.role == "user") return std::move(last.content);
  }
  return std::nullopt;
}

std::size_t Conversation::exchanges() const {
  return static_cast<std::size_t>(std::ranges::count(messages, "user", &ChatMessage::role));
}

void Conversation::forget_oldest(std::size_t exchanges) {
  if (exchanges == 0) return;
  const auto kept = std::ranges::find_if(messages, [left = exchanges](const ChatMessage& message) mutable {
    return message.role == "user" && left-- == 0;
  });
  messages.erase(messages.begin(), kept);
}

Result<void> save_conversation(const Conversation& conversation, const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) && !load_conversation(file)) {
    return invalid_request(fmt::format("'{}' exists and holds no conversation", printable(file.string())),
                           "Choose another file name.");
  }
  Json messages = Json::array();
  if (conversation.system) messages.push_back({{"role", "system"}, {"content", *conversation.system}});
  for (const ChatMessage& message : conversation.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return write_file(
      file,
      Json{{"messages", std::move(messages)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<Conversation> load_conversation(const std::filesystem::path& file) {
  MINERVA_ASSIGN(const std::string text, read_text_file(file));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("messages") || !json["messages"].is_array()) {
    return no_conversation(file, "it is no JSON object with a list \"messages\"");
  }
  Conversation conversation;
  for (std::size_t i = 0; i < json["messages"].size(); ++i) {
    MINERVA_ASSIGN(ChatMessage message, message_from(json["messages"][i], file, i));
    if (message.role == "system") {
      conversation.system = std::move(message.content);
    } else {
      conversation.messages.push_back(std::move(message));
    }
  }
  return conversation;
}

}  // namespace minerva::cli
