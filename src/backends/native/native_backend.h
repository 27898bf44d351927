// The backend that runs models with Minerva's own engine.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace minerva {

/// Thread-safe; may be made more than once.
std::shared_ptr<InferenceBackend> make_native_backend();

}  // namespace minerva
