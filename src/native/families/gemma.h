// Family functions (see families.h): Gemma 1 to 3.
#pragma once

#include "native/config_fields.h"
#include "native/decoder_spec.h"

namespace minerva::native {

void gemma(ConfigFields& fields, DecoderSpec& spec);
void gemma2(ConfigFields& fields, DecoderSpec& spec);
void gemma3_text(ConfigFields& fields, DecoderSpec& spec);

}  // namespace minerva::native
