// What every function of the C API does: hand out errors, let no exception through, refuse NULL.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "minerva/minerva.h"

namespace minerva::capi {

/// Sets `*to`, where there is one, to a copy of `error`, or, when there is no memory, to an error that says
/// so.
minerva_status report(const Error& error, minerva_error** to) noexcept;
minerva_status report_no_memory(minerva_error** to) noexcept;
/// For an exception of a library that a module let through: a bug.
minerva_status report_exception(const char* what, minerva_error** to) noexcept;

constexpr minerva_status status_of(ErrorCode code) noexcept {
  return static_cast<minerva_status>(static_cast<int>(code) + 1);
}
static_assert(status_of(ErrorCode::InvalidRequest) == MINERVA_INVALID_REQUEST);
static_assert(status_of(ErrorCode::ModelLoading) == MINERVA_MODEL_LOADING);
static_assert(status_of(ErrorCode::OutOfMemory) == MINERVA_OUT_OF_MEMORY);
static_assert(status_of(ErrorCode::ContextOverflow) == MINERVA_CONTEXT_OVERFLOW);
static_assert(status_of(ErrorCode::Busy) == MINERVA_BUSY);
static_assert(status_of(ErrorCode::Cancelled) == MINERVA_CANCELLED);
static_assert(status_of(ErrorCode::Internal) == MINERVA_INTERNAL);

/// Runs `body`, which returns a Result<void>, and says how it ended.
template <class Body>
minerva_status guarded(minerva_error** error, Body&& body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    const Result<void> done = std::forward<Body>(body)();
    return done ? MINERVA_OK : report(done.error(), error);
  } catch (const std::bad_alloc&) {
    return report_no_memory(error);
  } catch (const std::exception& exception) {
    return report_exception(exception.what(), error);
  } catch (...) {
    return report_exception("of unknown type", error);
  }
}

/// Sets what a function hands out to NULL, for the case that it fails. NULL is allowed.
template <class T>
void clear(T** out) noexcept {
  if (out != nullptr) *out = nullptr;
}

inline std::unexpected<Error> is_null(const std::string& name) {
  return invalid_request(name + " is NULL", "Give a value: minerva.h says where NULL is allowed.");
}
/// An error when `pointer`, the argument called `name`, is NULL.
template <class T>
Result<void> need(const T* pointer, const char* name) {
  if (pointer == nullptr) return is_null(name);
  return {};
}

}  // namespace minerva::capi
