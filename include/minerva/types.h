// Small types that the public API shares.
#pragma once

#include <cstdint>
#include <string>

namespace minerva {

/// An index into a model's vocabulary.
using TokenId = std::int32_t;

/// One message of a conversation.
struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant" or "tool"
  std::string content;

  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

}  // namespace minerva
