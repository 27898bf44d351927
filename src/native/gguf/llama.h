// Llama's relatives as GGUF.
#pragma once

#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

void gguf_llama(GgufFields& fields, DecoderSpec& spec);
void gguf_granite(GgufFields& fields, DecoderSpec& spec);
void gguf_smollm3(GgufFields& fields, DecoderSpec& spec);
void gguf_olmo2(GgufFields& fields, DecoderSpec& spec);
void gguf_phi3(GgufFields& fields, DecoderSpec& spec);
void gguf_qwen2(GgufFields& fields, DecoderSpec& spec);
void gguf_qwen2moe(GgufFields& fields, DecoderSpec& spec);
void gguf_qwen3(GgufFields& fields, DecoderSpec& spec);
void gguf_qwen3moe(GgufFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
