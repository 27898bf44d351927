// Llama's relatives as GGUF.
#pragma once

#include "native/decoder_spec.h"
#include "native/gguf/fields.h"

namespace minerva::native {

void gguf_llama(GgufFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
