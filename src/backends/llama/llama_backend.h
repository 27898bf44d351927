// The backend that runs GGUF files with llama.cpp, in process.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace minerva {

/// Thread-safe; may be made more than once.
std::shared_ptr<InferenceBackend> make_llama_backend();

}  // namespace minerva
