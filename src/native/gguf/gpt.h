// GPT-2's descendants as GGUF.
#pragma once

#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

void gguf_falcon(GgufFields& fields, DecoderSpec& spec);
void gguf_gpt2(GgufFields& fields, DecoderSpec& spec);
void gguf_gptneox(GgufFields& fields, DecoderSpec& spec);
void gguf_phi2(GgufFields& fields, DecoderSpec& spec);
void gguf_stablelm(GgufFields& fields, DecoderSpec& spec);
void gguf_starcoder2(GgufFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
