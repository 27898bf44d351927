// Our checks of a GGUF model before libllama sees it. libllama is written for files of honest converters: it
// divides by what a file says, indexes with it, and asserts. What a file says is made to hold here.
#pragma once

#include "backends/llama/architectures.h"
#include "backends/llama/preflight_keys.h"
#include "base/error.h"
#include "formats/gguf/split.h"
#include "minerva/model_description.h"

namespace minerva {

struct Preflight {
  const Architecture* architecture = nullptr;
  /// Something in the file lies outside of what these checks were written against (an architecture, a tensor
  /// they do not know): a context is to be tried with a small computation before it is handed out.
  bool needs_trial = true;
  HyperParameters parameters;
};

/// Checks architecture, hyper-parameters, vocabulary and tensors of an opened model. Some milliseconds.
/// Errors: ModelLoading naming key or tensor, what was expected and what was found.
Result<Preflight> check_for_llama(const gguf::Model& model);

}  // namespace minerva
