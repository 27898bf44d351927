// How a Hugging Face checkpoint is quantised, and which of these ways Minerva can read.
#pragma once

#include <string>

#include "base/error.h"
#include "formats/hf_config/hf_config.h"

namespace minerva {

/// The method that `quantization_config` names, lower case: "gptq", "fp8", "mxfp4" ...; "mlx" for MLX's own
/// (`quantization`, or a quantization_config of bits and group_size without a method); empty when the
/// weights are plain. Errors: ModelLoading for wrong types.
Result<std::string> quantisation_method(const HfConfig& config);

/// Refuses, by name and with what to take instead, a checkpoint whose weights are packed in a way that
/// Minerva does not read. Passes plain ones, MLX's, fp8 with a scale for each block, and mxfp4. Errors:
/// ModelLoading.
Result<void> check_quantisation(const HfConfig& config);

/// The ModelLoading for weights that `file` says are packed by something that is not read.
std::unexpected<Error> quantised_with(std::string_view file, std::string_view people_say);

}  // namespace minerva
