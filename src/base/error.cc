#include "base/error.h"

#include <fmt/format.h>

#include <exception>
#include <new>

namespace minerva {

std::unexpected<Error> no_thread(const std::system_error& error) {
  return fail(ErrorCode::OutOfMemory, fmt::format("no thread can be started: {}", error.what()),
              "Close other programs, or raise the limit on threads (ulimit -u).");
}

Error error_of_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::OutOfMemory, "there is no memory left for what is to be done",
            "Close other programs, or use a smaller model or context (-c)."};
  } catch (const std::exception& exception) {
    const auto* const error = dynamic_cast<const std::system_error*>(&exception);
    if (error != nullptr && error->code() == std::errc::resource_unavailable_try_again)
      return no_thread(*error).error();
    return internal_error(fmt::format("an unexpected failure: {}", exception.what())).error();
  }
}

std::string_view error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidRequest:
      return "InvalidRequest";
    case ErrorCode::ModelLoading:
      return "ModelLoading";
    case ErrorCode::OutOfMemory:
      return "OutOfMemory";
    case ErrorCode::ContextOverflow:
      return "ContextOverflow";
    case ErrorCode::Busy:
      return "Busy";
    case ErrorCode::Cancelled:
      return "Cancelled";
    case ErrorCode::Internal:
      return "Internal";
  }
  return "Internal";
}

int exit_status(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidRequest:
      return 2;
    case ErrorCode::ModelLoading:
      return 3;
    case ErrorCode::OutOfMemory:
      return 4;
    case ErrorCode::ContextOverflow:
      return 2;
    case ErrorCode::Busy:
      return 5;
    case ErrorCode::Cancelled:
      return 130;
    case ErrorCode::Internal:
      return 1;
  }
  return 1;
}

int http_status(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidRequest:
      return 400;
    case ErrorCode::ModelLoading:
      return 500;
    case ErrorCode::OutOfMemory:
      return 507;
    case ErrorCode::ContextOverflow:
      return 400;
    case ErrorCode::Busy:
      return 503;
    case ErrorCode::Cancelled:
      return 499;
    case ErrorCode::Internal:
      return 500;
  }
  return 500;
}

}  // namespace minerva
