#include "native/gguf/llama.h"

#include "native/gguf/common.h"

namespace minerva::native {

// Llama, Mistral, SmolLM2 and all that the converter calls "llama".
void gguf_llama(GgufFields& fields, DecoderSpec& spec) {
  gguf_llama_like(fields, spec);
  gguf_rows_in_pairs(fields, spec);
}

}  // namespace minerva::native
