// The tensors of a GGUF: types that llama.cpp computes with, shapes that fit the hyper-parameters.
#pragma once

#include "backends/llama/preflight_keys.h"
#include "base/error.h"
#include "formats/gguf/split.h"

namespace minerva {

struct TensorCheck {
  bool all_known = true;  ///< every tensor's name is in our table and of the type its computation needs
};

/// Errors: ModelLoading naming the tensor, what was expected and what was found.
Result<TensorCheck> check_tensors(const gguf::Model& model, const HyperParameters& parameters);

}  // namespace minerva
