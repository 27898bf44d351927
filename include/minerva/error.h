/// @file
/// Errors: every failure that a user can cause is a value of type Error; nothing here throws.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "minerva/export.h"

namespace minerva {

/// What kind of failure an Error is. Decides the exit status and the HTTP status (see `exit_status`).
enum class ErrorCode : std::uint8_t {
  InvalidRequest,   ///< wrong parameter, unknown model, a format Minerva does not run
  ModelLoading,     ///< truncated, corrupted or inconsistent model files; unsupported architecture
  OutOfMemory,      ///< weights + KV cache + working memory exceed what is available
  ContextOverflow,  ///< prompt + requested tokens exceed the context
  Busy,             ///< the queue is full; try again later
  Cancelled,        ///< the caller cancelled, or the client left
  Internal,         ///< a bug of ours
};

/// One failure, written for the person who reads it.
struct Error {
  ErrorCode code = ErrorCode::Internal;  ///< what kind of failure
  std::string message;  ///< what is wrong: which file, field or parameter, expected and found
  std::string remedy;   ///< what to do about it, as a full sentence; never empty

  /// Whether they agree in every field.
  friend bool operator==(const Error&, const Error&) = default;
};

/// The name of a code as it appears in JSON, for example "ModelLoading".
MINERVA_API std::string_view error_code_name(ErrorCode code) noexcept;

/// The exit status of the command line for a code: 2, 3, 4, 5, 130 or 1.
MINERVA_API int exit_status(ErrorCode code) noexcept;

/// The HTTP status for a code: 400, 500, 507, 503 (499 for Cancelled, which no client reads).
MINERVA_API int http_status(ErrorCode code) noexcept;

/// A value, or the Error that says why there is none.
template <class T>
using Result = std::expected<T, Error>;

}  // namespace minerva
