// The GGUF architectures the native engine runs.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/gguf/split.h"
#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

/// Turns a GGUF's keys into a spec: says how the architecture differs from Llama, and names its tensors.
using GgufArchitectureFunction = void (*)(GgufFields& fields, DecoderSpec& spec);

/// The function for a `general.architecture`, or null.
GgufArchitectureFunction find_gguf_architecture(std::string_view name) noexcept;
/// All of them, sorted.
std::vector<std::string_view> gguf_architecture_names();

/// The checked spec of a GGUF model: its keys are sound, and its tensors are all known and of types that the
/// kernels compute (shapes are bind_weights' to check). Reads headers and the few numbers of rotary factors,
/// no weights. Errors: ModelLoading naming file and key or tensor.
Result<DecoderSpec> decoder_spec(const gguf::Model& model);

}  // namespace minerva::native
