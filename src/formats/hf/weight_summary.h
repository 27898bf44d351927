// How many parameters the tensors of a Hugging Face checkpoint stand for, and in which type most are stored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "formats/hf_config/hf_config.h"
#include "formats/safetensors/header.h"

namespace minerva::hf {

/// What config.json says about quantised weights.
struct Quantisation {
  std::string method;  ///< "mlx", or quant_method: "gptq", "awq", "fp8" ...; empty when there is none
  unsigned bits = 0;   ///< 0 where not stated
  unsigned group = 0;  ///< elements that share a scale, as a rule; 0 where not stated
  std::string mode;    ///< MLX: "affine", "mxfp4" ...
};

/// Reads "quantization" (MLX) or "quantization_config". Errors: ModelLoading for a wrong type.
Result<Quantisation> read_quantisation(const HfConfig& config);

/// "MLX 4-bit", "MLX MXFP4", "GPTQ 4-bit", "FP8" ...; empty when not quantised.
std::string label(const Quantisation& quantisation);

struct WeightSummary {
  std::uint64_t tensor_count = 0;
  std::uint64_t tensor_bytes = 0;
  std::uint64_t parameter_count = 0;  ///< packed weights count unpacked; scales and zero points not at all
  std::string dtype;                  ///< of most elements: "BF16"; empty without tensors
};
WeightSummary summarise(std::span<const safetensors::Header> headers, const Quantisation& quantisation);

}  // namespace minerva::hf
