/// @file
/// Small types that the public API shares.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

/// Minerva in C++. minerva.h is the same in C.
namespace minerva {

/// An index into a model's vocabulary.
using TokenId = std::int32_t;

/// Arithmetic.
enum class NumericMode : std::uint8_t {
  Default,  ///< what the backend does by itself
  Exact,    ///< float32 activations and accumulation (native backend only)
  Fast,     ///< (native backend only)
};

/// Called while loading with the fraction done, 0 to 1; return false to cancel.
using LoadProgress = std::function<bool(float)>;

/// One message of a conversation.
struct ChatMessage {
  std::string role;     ///< "system", "user", "assistant" or "tool"
  std::string content;  ///< what was said

  /// Whether they agree in every field.
  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

}  // namespace minerva
