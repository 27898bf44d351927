// A GGUF file written as the Hugging Face directory that it once was: real weights for tests and benchmarks
// of the native engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "formats/gguf/metadata.h"
#include "tensor/weight_matrix.h"

namespace minerva::testing {

/// Writes config.json, tokenizer.json, tokenizer_config.json, generation_config.json, chat_template.jinja and
/// model.safetensors into `dir` (made if needed), all from `gguf`: a llama with a byte-level BPE vocabulary
/// and a tied head. Weights are dequantised in float32 and rounded to nearest even (`type` F32 or BF16); the
/// rows of q and k are brought back into Hugging Face's order. Errors: those of reading the file;
/// InvalidRequest for another kind of model; Internal when writing fails.
Result<void> write_hf_directory(const std::filesystem::path& gguf, const std::filesystem::path& dir,
                                ScalarType type = ScalarType::BF16);

/// The part of it that is the tokenizer: tokenizer.json, tokenizer_config.json and chat_template.jinja.
Result<void> write_tokenizer(const gguf::Metadata& metadata, const std::filesystem::path& dir);

/// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; empty: not of a tied llama.
std::string hf_name(std::string_view name);

/// The row of a GGUF's q or k that is row `row` of `rows` in Hugging Face's order: of each head, its even
/// rows and then its odd ones. `heads` 0: rows are in order.
std::int64_t source_row(std::int64_t row, std::int64_t rows, std::uint32_t heads);

}  // namespace minerva::testing
