// Family functions (see families.h): DeepSeek V2 and V3.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void deepseek_v2(ConfigFields& fields, DecoderSpec& spec);
void deepseek_v3(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
