// A GGUF file written as the Hugging Face directory that it once was: real weights for tests and benchmarks
// of the native engine.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "tensor/weight_matrix.h"

namespace minerva::testing {

/// Writes config.json, tokenizer.json, tokenizer_config.json, generation_config.json, chat_template.jinja and
/// model.safetensors into `dir` (made if needed), all from `gguf`: a llama with a byte-level BPE vocabulary
/// and a tied head. Weights are dequantised in float32 and rounded to nearest even (`type` F32 or BF16); the
/// rows of q and k are brought back into Hugging Face's order. Errors: those of reading the file;
/// InvalidRequest for another kind of model; Internal when writing fails.
Result<void> write_hf_directory(const std::filesystem::path& gguf, const std::filesystem::path& dir,
                                ScalarType type = ScalarType::BF16);

}  // namespace minerva::testing
