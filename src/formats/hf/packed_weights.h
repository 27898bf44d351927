// Quantised weights that config.json does not speak of, known by their tensors' names.
#pragma once

#include <filesystem>
#include <span>

#include "base/error.h"
#include "tensor/tensor_view.h"

namespace minerva::hf {

/// Refuses `tensors` of `directory` that are packed in a way that is not read, by the name of the quantiser:
/// as the side file of its own says that old versions wrote (quantize_config.json ...), else as their names
/// tell. Only for a directory whose config.json names no quantisation. Errors: ModelLoading.
Result<void> check_packed_weights(const std::filesystem::path& directory,
                                  std::span<const TensorView> tensors);

}  // namespace minerva::hf
