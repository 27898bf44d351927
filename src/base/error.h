// Short ways to make an Error, for use inside Minerva.
#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <utility>

#include "minerva/error.h"

namespace minerva {

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string remedy) {
  return std::unexpected(Error{code, std::move(message), std::move(remedy)});
}
[[nodiscard]] inline std::unexpected<Error> invalid_request(std::string message, std::string remedy) {
  return fail(ErrorCode::InvalidRequest, std::move(message), std::move(remedy));
}
[[nodiscard]] inline std::unexpected<Error> model_loading(std::string message, std::string remedy) {
  return fail(ErrorCode::ModelLoading, std::move(message), std::move(remedy));
}
/// A bug of ours, reported instead of crashing.
[[nodiscard]] inline std::unexpected<Error> internal_error(std::string message) {
  return fail(ErrorCode::Internal, std::move(message),
              "This is a bug in Minerva. Please report it with the command and the model's name.");
}

/// A thread could not be started.
std::unexpected<Error> no_thread(const std::system_error& error);

/// In a catch block: what the exception says, OutOfMemory or Internal.
Error error_of_exception();

/// The remedy for a file that looks damaged.
inline constexpr const char* kDownloadAgain =
    "The file may be corrupted or incomplete: compare its size with the original and download it again.";

}  // namespace minerva

/// Returns the error of a Result from the enclosing function, or goes on.
#define MINERVA_TRY(expression)                               \
  do {                                                        \
    if (auto minerva_try = (expression); !minerva_try)        \
      return std::unexpected(std::move(minerva_try).error()); \
  } while (false)

#define MINERVA_CONCAT_INNER(a, b) a##b
#define MINERVA_CONCAT(a, b) MINERVA_CONCAT_INNER(a, b)
/// `MINERVA_ASSIGN(auto x, f())`: declares x from f()'s value, or returns its error.
#define MINERVA_ASSIGN(declaration, expression)                                           \
  auto MINERVA_CONCAT(minerva_result_, __LINE__) = (expression);                          \
  if (!MINERVA_CONCAT(minerva_result_, __LINE__))                                         \
    return std::unexpected(std::move(MINERVA_CONCAT(minerva_result_, __LINE__)).error()); \
  declaration = std::move(*MINERVA_CONCAT(minerva_result_, __LINE__))
