// Errors and versions of the C API.
#include "minerva/error.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "capi/guard.h"

namespace minerva::capi {
namespace {

struct OwnedError : minerva_error {
  explicit OwnedError(Error given) : minerva_error{}, error(std::move(given)) {
    struct_size = sizeof(minerva_error);
    code = status_of(error.code);
    message = error.message.c_str();
    remedy = error.remedy.c_str();
  }
  OwnedError(const OwnedError&) = delete;
  OwnedError& operator=(const OwnedError&) = delete;
  Error error;
};

// What is handed out when there is no memory for an error; never changed, never freed.
minerva_error no_memory = {.struct_size = sizeof(minerva_error),
                           .code = MINERVA_OUT_OF_MEMORY,
                           .message = "there is no memory left",
                           .remedy = "Close other programs, or use a smaller model or context."};

std::optional<ErrorCode> code_of(int32_t status) {
  if (status < MINERVA_INVALID_REQUEST || status > MINERVA_INTERNAL) return std::nullopt;
  return static_cast<ErrorCode>(status - 1);
}

}  // namespace

minerva_status report(const Error& error, minerva_error** to) noexcept {
  if (to == nullptr) return status_of(error.code);
  try {
    *to = std::make_unique<OwnedError>(error).release();
    return status_of(error.code);
  } catch (...) {
    return report_no_memory(to);
  }
}

minerva_status report_no_memory(minerva_error** to) noexcept {
  if (to != nullptr) *to = &no_memory;
  return MINERVA_OUT_OF_MEMORY;
}

minerva_status report_exception(const char* what, minerva_error** to) noexcept {
  try {
    return report(internal_error(fmt::format("an exception nobody caught: {}", what)).error(), to);
  } catch (...) {
    return report_no_memory(to);
  }
}

}  // namespace minerva::capi

using namespace minerva;        // NOLINT(google-build-using-namespace): the functions below are C's
using namespace minerva::capi;  // NOLINT(google-build-using-namespace)

void minerva_error_free(minerva_error* error) {
  if (error != &no_memory) delete static_cast<OwnedError*>(error);
}

const char* minerva_version(void) {
  return MINERVA_VERSION_STRING;
}

uint32_t minerva_abi_version(void) {
  return MINERVA_ABI_VERSION;
}

const char* minerva_status_name(int32_t status) {
  if (status == MINERVA_OK) return "Ok";
  const auto code = code_of(status);
  return code ? error_code_name(*code).data() : "Unknown";
}

int minerva_exit_status(int32_t status) {
  if (status == MINERVA_OK) return 0;
  return exit_status(code_of(status).value_or(ErrorCode::Internal));
}

int minerva_http_status(int32_t status) {
  if (status == MINERVA_OK) return 200;
  return http_status(code_of(status).value_or(ErrorCode::Internal));
}
