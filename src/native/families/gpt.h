// Family functions (see families.h): GPT-2's descendants, with LayerNorm and biases.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void gpt2(ConfigFields& fields, DecoderSpec& spec);
void gpt_neox(ConfigFields& fields, DecoderSpec& spec);
void phi(ConfigFields& fields, DecoderSpec& spec);
void falcon(ConfigFields& fields, DecoderSpec& spec);
void starcoder2(ConfigFields& fields, DecoderSpec& spec);
void stablelm(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
