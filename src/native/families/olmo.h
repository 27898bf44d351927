// Family functions (see families.h): OLMo 3 and OLMoE, and EXAONE 4 which is built like OLMo.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void olmo3(ConfigFields& fields, DecoderSpec& spec);
void olmoe(ConfigFields& fields, DecoderSpec& spec);
void exaone4(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
