// Family functions (see families.h): llama and its near relatives.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void llama(ConfigFields& fields, DecoderSpec& spec);
void mistral(ConfigFields& fields, DecoderSpec& spec);
void mixtral(ConfigFields& fields, DecoderSpec& spec);
void granite(ConfigFields& fields, DecoderSpec& spec);
void smollm3(ConfigFields& fields, DecoderSpec& spec);
void olmo2(ConfigFields& fields, DecoderSpec& spec);
void seed_oss(ConfigFields& fields, DecoderSpec& spec);
void ernie4_5(ConfigFields& fields, DecoderSpec& spec);
void glm4(ConfigFields& fields, DecoderSpec& spec);
void apertus(ConfigFields& fields, DecoderSpec& spec);
void phi3(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
