#include "capi/callbacks.h"

#include <string>

#include "base/error.h"

namespace minerva::capi {

bool ProgressCall::operator()(float fraction) {
  const std::lock_guard lock(mutex_);
  if (function_ == nullptr) return true;
  try {
    return function_(fraction, data_);
  } catch (...) {
    threw_ = true;
    return false;
  }
}

void ProgressCall::close() {
  const std::lock_guard lock(mutex_);
  function_ = nullptr;
}

bool ProgressCall::threw() const {
  const std::lock_guard lock(mutex_);
  return threw_;
}

bool TextCall::operator()(std::string_view text) noexcept {
  try {
    const std::string ended(text);  // with a NUL
    return function_(ended.c_str(), ended.size(), data_);
  } catch (...) {
    threw_ = true;
    return false;
  }
}

std::unexpected<Error> callback_threw() {
  return invalid_request("a callback of the program threw an exception",
                         "Catch it in the callback, and return false to cancel.");
}

}  // namespace minerva::capi
