// The same model in both formats: a GGUF as a float32 Hugging Face directory, a directory as a GGUF.
#pragma once

#include <filesystem>
#include <string>

#include "support/gguf_builder.h"

namespace minerva::testing {

/// Writes config.json and model.safetensors of the GGUF at `path` (llama or gemma3) into `directory`: every
/// tensor dequantised to float32, under transformers' name, q and k in transformers' order of rows.
void write_f32_directory(const std::filesystem::path& path, const std::filesystem::path& directory);

/// What llama.cpp's converter makes of a Hugging Face directory, in float32; but for the vocabulary, which
/// has the right number of tokens and no meaning. Of the architectures in kTensorNames (gguf_rewrite.cc).
GgufBuilder gguf_of_directory(const std::filesystem::path& directory, const std::string& architecture);

}  // namespace minerva::testing
