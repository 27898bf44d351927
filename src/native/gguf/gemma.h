// Gemma 1 to 3 as GGUF.
#pragma once

#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

void gguf_gemma(GgufFields& fields, DecoderSpec& spec);
void gguf_gemma2(GgufFields& fields, DecoderSpec& spec);
void gguf_gemma3(GgufFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
