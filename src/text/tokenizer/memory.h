// How much memory a tokenizer will take, told before it is made.
#pragma once

#include <cstdint>

#include "formats/gguf/metadata.h"
#include "minerva/model_description.h"

namespace minerva {

/// Bytes of a GGUF's vocabulary of `tokens` tokens as libllama holds it, to some 10 %.
std::uint64_t gguf_vocabulary_bytes(const gguf::Metadata& metadata, std::uint64_t tokens) noexcept;

/// Bytes of a Hugging Face directory's tokenizer, to some 25 %.
std::uint64_t hf_tokenizer_bytes(const ModelDescription& description) noexcept;

}  // namespace minerva
